// Whoever owns a board's gateway owns its line, and with that all unprotected code on the board: the event manager writes what
// it is told to memory, itself included. Written from docs/sancus-nodes.md and docs/agent-api.md.
import * as net from "node:net";

/** What the event manager answered. */
export interface Answer {
    /** 0 done, 1 unknown, 2 no module there, 3 refused by the module, 4 violation. */
    readonly status: number;
    readonly body: Buffer;
}

/** Puts a question to the event manager. */
export type Ask = (question: number, body: Buffer) => Promise<Answer>;

export const QUESTION = { write: 1, enable: 2, call: 3 } as const;
export const VIOLATION = 4;
/** Where the attacker's code goes: the memory of a place without a module. */
const FREE = 0x2200;
const LONGEST_WRITE = 200;

/** Little-endian words. */
export function words(...values: number[]): Buffer {
    const bytes = Buffer.alloc(2 * values.length);
    values.forEach((value, index) => bytes.writeUInt16LE(value, 2 * index));
    return bytes;
}

const RET = 0x4130;

/** Machine code of an MSP430 (SLAU049 section 3) that ends in a return with its result in r12, or never returns. */
export const code = {
    /** mov &address, r12 */
    read: (address: number) => words(0x421c, address, RET),
    /** mov.b #1, &address; mov.b &address, r12 */
    drive: (address: number) => words(0x43d2, address, 0x425c, address, RET),
    /** br #address */
    jump: (address: number) => words(0x4030, address),
    /**
     * Calls a protected module: push r6, push r7, mov #1 → r6 and r12, continuation → r7, br #start; at the continuation
     * mov r13, r12 (0 where the call was accepted), pop r7, pop r6.
     */
    call: (start: number) => words(0x1206, 0x1207, 0x4316, 0x431c, 0x4037, FREE + 16, 0x4030, start, 0x4d0c, 0x4137, 0x4136, RET),
    /** The crypto unit with the key of whoever executes: clr r9, one word of associated data and no body; r15, the success, → r12. */
    sign: () => words(0x1209, 0x120a, 0x4309, 0x403a, FREE, 0x403b, FREE + 2, 0x430c, 0x430d, 0x430e, 0x403f, FREE + 64, 0x1384, 0x4f0c, 0x413a, 0x4139, RET),
} as const;

export class BoardIntruder {
    /**
     * @param ask - the line
     * @param hook - address of the event manager's function that enables modules; its 4 first bytes are put back after use
     * @param original - those bytes
     */
    constructor(private readonly ask: Ask, private readonly hook: number, private readonly original: Buffer) {}

    /** Has the event manager write memory. */
    async write(address: number, bytes: Buffer): Promise<Answer> {
        let answer: Answer = { status: 0, body: Buffer.alloc(0) };
        for (let at = 0; at < bytes.length && answer.status === 0; at += LONGEST_WRITE) {
            answer = await this.ask(QUESTION.write, Buffer.concat([words(address + at), bytes.subarray(at, at + LONGEST_WRITE)]));
        }
        return answer;
    }

    /** Runs code on the board in place of a function of the event manager. @returns r12 at its return; undefined after a violation */
    async run(program: Buffer): Promise<number | undefined> {
        await this.write(FREE, program);
        await this.write(this.hook, words(0x4030, FREE));
        try {
            const { status, body } = await this.ask(QUESTION.enable, words(0, 0, 0, 0, 0));
            if (status === VIOLATION) return undefined;
            if (status !== 0 || body.length !== 2) throw new Error(`the attacker's code did not run: status ${status}`);
            return body.readUInt16LE(0);
        } finally {
            await this.write(this.hook, this.original);
        }
    }
}

/** The bridge of an emulated board, on its socket. */
export class BridgeSocket {
    private incoming = Buffer.alloc(0);
    private readonly waiting: ((message: Record<string, unknown>) => void)[] = [];

    private constructor(private readonly socket: net.Socket) {
        socket.on("error", () => socket.destroy());
        socket.on("data", (chunk: Buffer) => {
            this.incoming = Buffer.concat([this.incoming, chunk]);
            while (this.incoming.length >= 4 && this.incoming.length >= 4 + this.incoming.readUInt32BE(0)) {
                const end = 4 + this.incoming.readUInt32BE(0);
                this.waiting.shift()?.(JSON.parse(this.incoming.subarray(4, end).toString("utf8")) as Record<string, unknown>);
                this.incoming = this.incoming.subarray(end);
            }
        });
    }

    static connect(socketPath: string): Promise<BridgeSocket> {
        return new Promise((resolve, reject) => {
            const socket = net.connect(socketPath, () => { resolve(new BridgeSocket(socket)); });
            socket.once("error", reject);
        });
    }

    readonly ask: Ask = async (question, body) => {
        const text = Buffer.from(JSON.stringify({ type: "raw", question, body: body.toString("base64") }));
        const length = Buffer.alloc(4);
        length.writeUInt32BE(text.length);
        const answer = new Promise<Record<string, unknown>>((resolve) => this.waiting.push(resolve));
        this.socket.write(Buffer.concat([length, text]));
        const { type, status, body: base64, message } = await answer;
        if (type !== "answer") throw new Error(`the bridge says: ${String(message)}`);
        return { status: Number(status), body: Buffer.from(String(base64), "base64") };
    };

    close(): void {
        this.socket.destroy();
    }
}
