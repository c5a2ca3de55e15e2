// Builds the driver of a port: a protected module that owns the port's registers and serves one other module.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { cacheKey, cached } from "../../build/cache";
import { kitFolder, packageFolder, zigVersion } from "../../build/folders";
import { inTemporaryFolder } from "../../build/kit";
import { execute } from "../../build/process";
import { findZig } from "../../build/zig";
import type { SancusIdentity } from "../../crypto/sancus-keys";
import type { SpongentSecurity } from "../../crypto/spongent";
import { AuthenticError } from "../../errors";
import { DRIVER_ROOM, type Port } from "./board";
import { readElf } from "./elf";

/** A driver that does not know the measurement of its user yet. */
export interface Driver {
    readonly port: Port;
    /** Its text, the user's tag all zero. */
    readonly text: Uint8Array;
    /** Where the tag of the user goes. */
    readonly userOffset: number;
}

const unusable = (what: string): AuthenticError => new AuthenticError("AE-SANCUS-DRIVER", `the port driver does not build: ${what}`, "reinstall pulumi-authentic");

/**
 * Assembles the driver of a port.
 *
 * @param user - start of the text of the module that it serves
 */
export async function buildDriver(port: Port, user: number, security: SpongentSecurity): Promise<Driver> {
    const source = path.join(packageFolder(), "runtime", "sancus", "driver", "port.S");
    const version = zigVersion(kitFolder());
    const flags = [`-DPORT=${port.registers.start}`, `-DUSER=${user}`, `-DINTERRUPTS=${port.interrupts ? 1 : 0}`, `-DSANCUS_SECURITY=${security}`];
    const key = cacheKey("sancus-driver", version, await readFile(source), String(port.driver), ...flags);
    const text = await cached(key, () => inTemporaryFolder(async (folder) => {
        const zig = await findZig(version);
        const [object, script, output] = [path.join(folder, "driver.o"), path.join(folder, "link.ld"), path.join(folder, "driver.elf")];
        await writeFile(script, `ENTRY(driver_start) SECTIONS { . = ${port.driver}; .text : { *(.text) } /DISCARD/ : { *(.MSP430.attributes) } }\n`);
        const compiled = await execute([...zig, "cc", "-target", "msp430-freestanding", ...flags, "-c", source, "-o", object], folder);
        if (compiled.code !== 0) throw unusable(compiled.stderr.split("\n")[0] ?? "");
        const linked = await execute([...zig, "ld.lld", "--build-id=none", "-T", script, object, "-o", output], folder);
        if (linked.code !== 0) throw unusable(linked.stderr.split("\n")[0] ?? "");
        const section = readElf(new Uint8Array(await readFile(output))).sections.find(({ name }) => name === ".text");
        if (section === undefined) throw unusable("it has no text");
        return Buffer.from(section.content);
    }));
    if (text.length > DRIVER_ROOM) throw unusable(`its ${text.length} bytes do not fit the ${DRIVER_ROOM} of its place`);
    return { port, text: new Uint8Array(text), userOffset: text.length - security / 8 };
}

/** The driver for a user of this measurement. */
export function driverIdentity({ port, text, userOffset }: Driver, userTag: Uint8Array): SancusIdentity {
    const finished = text.slice();
    finished.set(userTag, userOffset);
    return { text: finished, layout: { publicStart: port.driver, publicEnd: port.driver + text.length, secretStart: port.registers.start, secretEnd: port.registers.end } };
}
