// The environment in which the Pulumi CLI runs without an account and without the network: state in a
// folder, secrets under a passphrase kept in a file, nothing taken over from the caller's Pulumi settings.
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot, toolchain, type Toolchain } from "../setup/toolchain";

/** What a project's Pulumi runs need. */
export interface PulumiSettings {
    /** Folder of the state; created where absent. */
    readonly backend: string;
    /** File with the passphrase of the stacks' secrets; see {@link ensurePassphrase}. */
    readonly passphraseFile: string;
    /** Folder for the CLI's own files (`PULUMI_HOME`); inside the backend's parent by default. */
    readonly home?: string;
    readonly tools?: Toolchain;
}

/** Bits of a file's mode that let anyone but its owner at it. */
const OTHERS = 0o077;

/**
 * The passphrase file of a project, created with a random passphrase where absent.
 *
 * @param folder - where it lies; `.authentic` of the package by default
 * @returns its path; readable by its owner alone
 */
export function ensurePassphrase(folder: string = path.join(packageRoot(), ".authentic")): string {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = path.join(folder, "passphrase");
    try {
        fs.writeFileSync(file, `${randomBytes(32).toString("base64url")}\n`, { flag: "wx", mode: 0o600 });
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        if ((fs.statSync(file).mode & OTHERS) !== 0) fs.chmodSync(file, 0o600);
    }
    return file;
}

/**
 * The environment for the CLI: give it to `spawn` as it is. The passphrase is in it by the name of its
 * file only, so that child processes do not carry it.
 */
export function pulumiEnvironment(settings: PulumiSettings): NodeJS.ProcessEnv {
    const tools = settings.tools ?? toolchain();
    const backend = path.resolve(settings.backend);
    fs.mkdirSync(backend, { recursive: true, mode: 0o700 });
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("PULUMI_"));
    return {
        ...Object.fromEntries(inherited),
        PATH: [tools.path, process.env["PATH"] ?? ""].join(path.delimiter),
        PULUMI_BACKEND_URL: pathToFileURL(backend).href,
        PULUMI_CONFIG_PASSPHRASE_FILE: path.resolve(settings.passphraseFile),
        PULUMI_HOME: path.resolve(settings.home ?? path.join(path.dirname(backend), "pulumi-home")),
        PULUMI_SKIP_UPDATE_CHECK: "1",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        // Where our provider finds the same Zig as the tests and the demo.
        ...(tools.zig.length === 1 ? { AUTHENTIC_ZIG: tools.zig[0] } : {}),
    };
}
