// A machine with an aarch64 processor, as far as a program can tell: `uname -m` says so, and programs for aarch64 run, which the
// kernel hands to QEMU's user mode. The registration (binfmt_misc) holds for the host's user namespace alone, so the machine of
// the tests goes on refusing such programs.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { toolchain } from "../../tools/setup/toolchain";
import type { HostOptions } from "./server";

/** Executables and static ones that choose their address, little-endian, of EM_AARCH64 (183). */
const MAGIC = ["\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00", "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff"].join(":");

/** `$1` the registration; the rest is run in a user namespace that has it, as the same process and the same user. */
const WITHIN = `
me=$$ registration=$1; shift
(
    here=$(readlink /proc/self/ns/user)
    until [ "$(readlink /proc/$me/ns/user)" != "$here" ]; do sleep 0.02; done
    if [ "$(id -u)" = 0 ]; then echo '0 0 65536' > /proc/$me/uid_map; echo '0 0 65536' > /proc/$me/gid_map
    else echo deny > /proc/$me/setgroups; echo "$(id -u) $(id -u) 1" > /proc/$me/uid_map; echo "$(id -g) $(id -g) 1" > /proc/$me/gid_map; fi
) &
exec unshare --user --mount --keep-caps sh -c '
until grep -q . /proc/self/uid_map && grep -q . /proc/self/gid_map; do sleep 0.02; done
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || exit
printf %s "$1" > /proc/sys/fs/binfmt_misc/register; shift; exec "$@"' sh "$registration" "$@"
`;

/** A host of tests that is such a machine; {@link dispose} when it is gone. */
export class Aarch64 {
    private readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "aarch64-"));
    /** QEMU, which runs the programs. */
    readonly emulator: string;
    readonly options: HostOptions;

    /** @throws Error where set-up has found no emulator */
    constructor() {
        const { foreign } = toolchain();
        if (foreign === undefined) throw new Error("there is no qemu-aarch64: run `npm test`");
        this.emulator = foreign.emulator;
        // A process keeps the name it was started under, as on a machine that needs no emulator.
        const interpreter = path.join(this.folder, "interpreter");
        fs.writeFileSync(interpreter, `#!/bin/bash\nexec -a "$1" '${foreign.emulator}' "$@"\n`, { mode: 0o755 });
        this.options = { within: ["sh", "-c", WITHIN, "sh", `:aarch64:M::${MAGIC}:${interpreter}:`], programs: { uname: uname("aarch64") } };
    }

    dispose(): void {
        fs.rmSync(this.folder, { recursive: true });
    }
}

/** A `uname` that says another processor. */
export const uname = (architecture: string): string => `#!/bin/sh\nif [ "$*" = -m ]; then echo ${architecture}; else exec /usr/bin/uname "$@"; fi\n`;

/** Whether the kernel keeps such registrations apart for user namespaces, as Linux does from 6.7 on. */
export const canRegister = (): boolean => spawnSync("unshare", ["-Urm", "mount", "-t", "binfmt_misc", "binfmt_misc", "/proc/sys/fs/binfmt_misc"]).status === 0;
