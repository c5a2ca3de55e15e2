// The emulator of TrustZone boards: whether it is installed. The node's bridge looks in the same places.
import { existsSync } from "node:fs";
import path from "node:path";

/** The program, and the Debian package it comes in. */
export const EMULATOR = "qemu-system-arm";

/** Path of the emulator: on PATH, or where Debian puts it; undefined where it is not installed. */
export function findEmulator(env: NodeJS.ProcessEnv = process.env): string | undefined {
    const folders = [...(env["PATH"] ?? "").split(path.delimiter).filter((folder) => path.isAbsolute(folder)), "/usr/bin", "/usr/local/bin"];
    return folders.map((folder) => path.join(folder, EMULATOR)).find((file) => existsSync(file));
}
