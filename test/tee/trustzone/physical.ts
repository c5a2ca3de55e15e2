// A board that nobody on the node runs: an emulator that the test starts, switches off and flashes, at the end of a line.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import dgram from "node:dgram";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { BoardSoftware } from "../../../provider/tee/tee";
import { findEmulator } from "../../../provider/tee/trustzone/emulator";
import { writeBoardSoftware } from "../../../provider/tee/trustzone/firmware";

/** RFC 9783: secured. */
const LIFECYCLE = Buffer.from([0, 0x30, 0, 0]);

/** Two UDP ports of this machine that nobody uses now. */
export async function freePorts(): Promise<readonly [number, number]> {
    const sockets = [dgram.createSocket("udp4"), dgram.createSocket("udp4")] as const;
    const ports = await Promise.all(sockets.map(async (socket) => {
        socket.bind(0, "127.0.0.1");
        await once(socket, "listening");
        return socket.address().port;
    }));
    for (const socket of sockets) socket.close();
    return [ports[0]!, ports[1]!];
}

/** QEMU's end of a line in UDP datagrams. */
export const udpLine = ([here, board]: readonly [number, number]): string[] =>
    ["-netdev", `dgram,id=link,local.type=inet,local.host=127.0.0.1,local.port=${board},remote.type=inet,remote.host=127.0.0.1,remote.port=${here}`];

export class PhysicalBoard {
    private readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "physical-board-"));
    private emulator: ChildProcess | undefined;

    /** @param line - arguments that give QEMU the network device `link` */
    constructor(private readonly line: readonly string[], private uniqueKey: Uint8Array = randomBytes(32)) {}

    /** Its owner flashes it; it runs that from when it is switched on. */
    flash(software: BoardSoftware): Promise<void> {
        return writeBoardSoftware(software, this.folder);
    }

    /** Another board of the same kind is put in its place. */
    exchange(): void {
        this.uniqueKey = randomBytes(32);
    }

    /** What starts the emulator, with fresh entropy. */
    command(): string[] {
        const file = (name: string) => path.join(this.folder, name);
        // Its key store and its source of entropy.
        fs.writeFileSync(file("secrets"), Buffer.concat([this.uniqueKey, randomBytes(32), LIFECYCLE]), { mode: 0o600 });
        const loader = (name: string, address: string) => ["-device", `loader,file=${file(name)},addr=${address},force-raw=on`];
        return [findEmulator()!, "-machine", "mps2-an505", "-nodefaults", "-display", "none", ...loader("firmware.bin", "0x10000000"), ...loader("nonsecure.bin", "0x10200000"),
            ...loader("secrets", "0x30000000"), ...this.line, "-net", "nic,netdev=link",
        ];
    }

    switchOn(): void {
        const [program, ...given] = this.command();
        this.emulator = spawn(program!, given, { stdio: ["ignore", "ignore", "inherit"] });
    }

    async switchOff(): Promise<void> {
        const { emulator } = this;
        this.emulator = undefined;
        if (emulator?.exitCode !== null) return;
        emulator.kill("SIGKILL");
        await once(emulator, "exit");
    }

    async dispose(): Promise<void> {
        await this.switchOff();
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}
