// A board for tests: the bridge with an emulated board in a process, spoken to as module hosts do.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import os from "node:os";
import path from "node:path";
import { buildFirmware } from "../../../provider/tee/sancus/firmware";
import type { Freshness } from "../../../provider/tee/tee";
import { builtProgram } from "../../../tools/setup/toolchain";

type Message = Readonly<Record<string, unknown>> & { readonly type: string };

/** A record that a module left (runtime/kit/ports/sancus/step.c). */
export interface Output {
    readonly kind: number;
    readonly argument: number;
    readonly body: Buffer;
}

function readOutputs(bytes: Buffer): Output[] {
    const outputs: Output[] = [];
    for (let at = 0; at < bytes.length;) {
        const length = bytes.readUInt16LE(at + 2);
        outputs.push({ kind: bytes[at] ?? 0, argument: bytes[at + 1] ?? 0, body: bytes.subarray(at + 4, at + 4 + length) });
        at += 4 + length + (length % 2);
    }
    return outputs;
}

/** One module on the board, over a socket of its own. */
export class BoardModule {
    readonly notices: Message[] = [];
    /** Cycles of the last step. */
    cycles = 0;
    private incoming = Buffer.alloc(0);
    private readonly waiting: ((message: Message) => void)[] = [];

    private constructor(private readonly socket: Socket) {
        socket.on("error", () => undefined);
        socket.on("data", (data: Buffer) => {
            this.incoming = Buffer.concat([this.incoming, data]);
            while (this.incoming.length >= 4 && this.incoming.length >= 4 + this.incoming.readUInt32BE(0)) {
                const length = this.incoming.readUInt32BE(0);
                const message = JSON.parse(this.incoming.subarray(4, 4 + length).toString("utf8")) as Message;
                this.incoming = this.incoming.subarray(4 + length);
                if (["port", "interrupt", "violation", "lost"].includes(message.type)) this.notices.push(message);
                else this.waiting.shift()?.(message);
            }
        });
    }

    static connect(socketPath: string): Promise<BoardModule> {
        return new Promise((resolve, reject) => {
            const socket = createConnection(socketPath, () => { resolve(new BoardModule(socket)); });
            socket.once("error", reject);
        });
    }

    call(message: Message): Promise<Message> {
        const body = Buffer.from(JSON.stringify(message));
        const length = Buffer.alloc(4);
        length.writeUInt32BE(body.length);
        return new Promise((resolve) => {
            this.waiting.push(resolve);
            this.socket.write(Buffer.concat([length, body]));
        });
    }

    async open(instance: Uint8Array, image: Uint8Array, timeLimitMs = 1000): Promise<void> {
        const answer = await this.call({ type: "open", instance: Buffer.from(instance).toString("hex"), image: Buffer.from(image).toString("base64"), timeLimitMs });
        if (answer.type !== "done") throw new Error(JSON.stringify(answer));
    }

    /** Gives the module one record. @throws Error with the bridge's answer where that is none of the module's */
    async step(kind: number, argument: number, body: Uint8Array = new Uint8Array(0)): Promise<Output[]> {
        const answer = await this.call({ type: "step", input: Buffer.concat([Buffer.from([kind, argument]), body]).toString("base64") });
        if (answer.type !== "outputs") throw new Error(JSON.stringify(answer));
        this.cycles = Number(answer["cycles"]);
        return readOutputs(Buffer.from(String(answer["output"]), "base64"));
    }

    close(): void {
        this.socket.destroy();
    }
}

/** A running bridge. */
export class TestBoard {
    private constructor(readonly folder: string, private readonly process: ChildProcess) {}

    static async start(nodeKey: Uint8Array, freshness: Freshness = "rng", firmware?: Uint8Array): Promise<TestBoard> {
        const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-board-"));
        const program = firmware ?? await buildFirmware();
        const description = { kind: "emulated", firmware: Buffer.from(program).toString("base64"), nodeKey: Buffer.from(nodeKey).toString("base64"), freshness, clockHz: 20_000_000 };
        await writeFile(path.join(folder, "board.json"), JSON.stringify(description), { mode: 0o600 });
        const child = spawn(builtProgram("authentic-board"), ["--folder", folder], { stdio: ["ignore", "ignore", "inherit"] });
        const board = new TestBoard(folder, child);
        for (let attempt = 0; attempt < 500 && !existsSync(path.join(folder, "board.sock")); attempt++) {
            if (child.exitCode !== null) throw new Error("the bridge ended");
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return board;
    }

    connect(): Promise<BoardModule> {
        return BoardModule.connect(path.join(this.folder, "board.sock"));
    }

    async stop(): Promise<void> {
        if (this.process.exitCode === null) {
            const ended = new Promise((resolve) => this.process.once("exit", resolve));
            this.process.kill();
            await ended;
        }
        await rm(this.folder, { recursive: true, force: true });
    }
}
