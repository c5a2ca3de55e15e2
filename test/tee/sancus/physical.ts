// A board that nobody on the node runs: an emulator that the test starts, whose UART is a serial port of this machine.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { buildFirmware, CLOCK_HZ } from "../../../provider/tee/sancus/firmware";
import type { Freshness } from "../../../provider/tee/tee";
import { builtProgram } from "../../../tools/setup/toolchain";

/** What the emulator itself counts. */
export interface Look {
    /** Since the board was switched on for the first time. */
    readonly cycles: number;
    /** Those of the instructions that enable, verify, wrap and unwrap. */
    readonly crypto: number;
    /** Cycles of a byte on the line. */
    readonly byteCycles: number;
    /** Bytes from the line, and to it. */
    readonly received: number;
    readonly sent: number;
    /** Bytes that came before the one before them was read. */
    readonly lost: number;
    readonly resets: number;
    /** Protected modules. */
    readonly modules: number;
    readonly violations: number;
    /** Levels that the board last drove at its ports 1 to 6. */
    readonly driven: readonly (number | null)[];
}

export class PhysicalBoard {
    private readonly lines: AsyncIterator<string>;

    private constructor(private readonly folder: string, private readonly process: ChildProcessByStdio<Writable, Readable, null>) {
        this.lines = createInterface(process.stdout)[Symbol.asyncIterator]();
    }

    /** Switches a board on that is flashed with the event manager. */
    static async start(nodeKey: Uint8Array, baud: number, freshness: Freshness = "rng"): Promise<PhysicalBoard> {
        const folder = await mkdtemp(path.join(os.tmpdir(), "physical-board-"));
        const firmware = await buildFirmware(baud);
        const description = { kind: "emulated", firmware: firmware.toString("base64"), nodeKey: Buffer.from(nodeKey).toString("base64"), freshness, clockHz: CLOCK_HZ };
        await writeFile(path.join(folder, "board.json"), JSON.stringify(description), { mode: 0o600 });
        const board = new PhysicalBoard(folder, spawn(builtProgram("authentic-physical-board"), ["--folder", folder], { stdio: ["pipe", "pipe", "inherit"] }));
        await board.answer();
        return board;
    }

    /** The serial port. */
    get device(): string {
        return path.join(this.folder, "tty");
    }

    private async answer(): Promise<Look> {
        const line = await this.lines.next();
        if (line.done === true) throw new Error("the board's emulator has ended");
        return JSON.parse(line.value) as Look;
    }

    private tell(command: string): Promise<Look> {
        this.process.stdin.write(`${command}\n`);
        return this.answer();
    }

    look(): Promise<Look> {
        return this.tell("look");
    }

    /** Sets the levels at the 8 pins of a port, 1 to 6. */
    drive(port: number, levels: number): Promise<Look> {
        return this.tell(`pins ${port} ${levels}`);
    }

    /** Takes the power away and gives it back. */
    cut(): Promise<Look> {
        return this.tell("cut");
    }

    async stop(): Promise<void> {
        if (this.process.exitCode === null && this.process.signalCode === null) {
            const ended = once(this.process, "exit");
            this.process.stdin.end();
            await ended;
        }
        await rm(this.folder, { recursive: true, force: true });
    }
}
