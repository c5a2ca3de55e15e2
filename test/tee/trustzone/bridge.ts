// A connection to a board's bridge, as a module host has one: whoever owns the node can make it, and say anything on it.
import net from "node:net";
import path from "node:path";

export const OPERATION = { facts: 1, write: 2, read: 3, load: 4, enter: 5, unload: 6, fault: 7 } as const;

export interface BridgeReply {
    readonly a: number;
    readonly b: number;
    readonly body: Buffer;
}

export class BridgeClient {
    private readonly waiting: ((reply: BridgeReply | Error) => void)[] = [];
    private received = Buffer.alloc(0);
    private sequence = 0;

    private constructor(private readonly socket: net.Socket) {
        socket.on("data", (chunk: Buffer) => {
            this.received = Buffer.concat([this.received, chunk]);
            for (let length = this.next(); length !== undefined; length = this.next()) {
                const message = this.received.subarray(4, 4 + length);
                this.received = this.received.subarray(4 + length);
                this.waiting.shift()?.({ a: message.readUInt32LE(8), b: message.readUInt32LE(12), body: message.subarray(16) });
            }
        });
        socket.on("close", () => this.waiting.splice(0).forEach((one) => one(new Error("the bridge closed the connection"))));
        socket.on("error", () => undefined);
    }

    private next(): number | undefined {
        const length = this.received.length < 4 ? undefined : this.received.readUInt32LE(0);
        return length !== undefined && this.received.length >= 4 + length ? length : undefined;
    }

    /** @param folder - of the node */
    static connect(folder: string): Promise<BridgeClient> {
        return new Promise((resolve, reject) => {
            const socket = net.connect(path.join(folder, "trustzone", "board.sock"), () => resolve(new BridgeClient(socket)));
            socket.once("error", reject);
        });
    }

    call(operation: number, a = 0, b = 0, body: Uint8Array = new Uint8Array(0)): Promise<BridgeReply> {
        const message = Buffer.alloc(20);
        message.writeUInt32LE(16 + body.length, 0);
        message.writeUInt8(operation, 4);
        message.writeUInt16LE(body.length & 0xffff, 6);
        message.writeUInt32LE(++this.sequence, 8);
        message.writeUInt32LE(a, 12);
        message.writeUInt32LE(b, 16);
        this.socket.write(Buffer.concat([message, body]));
        return new Promise((resolve, reject) => this.waiting.push((reply) => (reply instanceof Error ? reject(reply) : resolve(reply))));
    }

    close(): void {
        this.socket.destroy();
    }
}
