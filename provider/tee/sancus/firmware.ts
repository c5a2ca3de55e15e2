// Builds the event manager of a board: the unprotected program that carries records between its UART and its modules.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { cacheKey, cached } from "../../build/cache";
import { kitFolder, packageFolder, zigVersion } from "../../build/folders";
import { inTemporaryFolder } from "../../build/kit";
import { execute } from "../../build/process";
import { findZig } from "../../build/zig";
import { AuthenticError } from "../../errors";

/** Main clock of the published board, Hz. */
export const CLOCK_HZ = 20_000_000;
/** Fastest line that the event manager keeps up with at that clock, and its default. */
export const BAUD = 1_000_000;

const FLAGS: readonly string[] = ["-target", "msp430-freestanding", "-std=c11", "-Os", "-g0", "-ffreestanding", "-fno-builtin", "-fno-jump-tables", "-fno-common", "-fno-sanitize=all",
    "-fno-stack-protector", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra"];

/**
 * The event manager, as an ELF file to flash or to emulate.
 *
 * @param baud - bits a second on the line
 * @throws AuthenticError `AE-SANCUS-FIRMWARE` where it does not build, `AE-BUILD-ZIG` without a compiler
 */
export async function buildFirmware(baud = BAUD, clockHz = CLOCK_HZ): Promise<Buffer> {
    const folder = path.join(packageFolder(), "runtime", "sancus", "firmware");
    const sources = ["boot.S", "main.c"].map((file) => path.join(folder, file));
    const script = path.join(folder, "link.ld");
    const version = zigVersion(kitFolder());
    const divisor = Math.round(clockHz / baud) - 1;
    const contents = await Promise.all([...sources, script, path.join(packageFolder(), "runtime", "sancus", "module", "runtime.c")].map((file) => readFile(file)));
    return cached(cacheKey("sancus-firmware", version, String(divisor), ...contents), () => inTemporaryFolder(async (temporary) => {
        const zig = await findZig(version);
        const run = async (...command: readonly string[]): Promise<void> => {
            const { code, stderr } = await execute([...zig, ...command], temporary);
            if (code !== 0) throw new AuthenticError("AE-SANCUS-FIRMWARE", `the event manager of boards does not build: ${stderr.split("\n")[0] ?? ""}`, "reinstall pulumi-authentic");
        };
        const objects = [...sources, path.join(folder, "..", "module", "runtime.c")].map((source, index) => ({ source, object: path.join(temporary, `${index}.o`) }));
        for (const { source, object } of objects) await run("cc", ...FLAGS, `-DBAUD_DIVISOR=${divisor}`, `-ffile-prefix-map=${path.dirname(source)}=.`, "-c", source, "-o", object);
        const output = path.join(temporary, "firmware.elf");
        await run("ld.lld", "--gc-sections", "--build-id=none", "--no-check-sections", "-T", script, "-e", "boot", ...objects.map(({ object }) => object), "-o", output);
        return readFile(output);
    }));
}
