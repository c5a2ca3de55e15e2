// The attacker's own reading of event sockets (docs/protocol.md sections 6 and 7).

export const HELLO_BYTES = 56;
const HEADER_BYTES = 22;
const LONGEST_FRAME = 65_574;

/** A frame seen on the network, with its length prefix. */
export class Frame {
    constructor(readonly bytes: Buffer) {}
    get kind(): number { return this.bytes.readUInt8(5); }
    get connection(): number { return this.bytes.readUInt32BE(6); }
    get epoch(): bigint { return this.bytes.readBigUInt64BE(10); }
    get counter(): bigint { return this.bytes.readBigUInt64BE(18); }
    /** Events and requests travel with the connection, acks and replies against it. */
    get isData(): boolean { return this.kind === 1 || this.kind === 2; }

    /** The same bytes under another header: what a forger or splicer would send. */
    with(changes: { connection?: number; epoch?: bigint; counter?: bigint }): Frame {
        const copy = Buffer.from(this.bytes);
        if (changes.connection !== undefined) copy.writeUInt32BE(changes.connection, 6);
        if (changes.epoch !== undefined) copy.writeBigUInt64BE(changes.epoch, 10);
        if (changes.counter !== undefined) copy.writeBigUInt64BE(changes.counter, 18);
        return new Frame(copy);
    }

    /** The same frame with the first byte after the header changed: of the event if it has one, else of the tag. */
    corrupted(): Frame {
        const copy = Buffer.from(this.bytes);
        const at = 4 + HEADER_BYTES;
        copy.writeUInt8(copy.readUInt8(at) ^ 0x55, at);
        return new Frame(copy);
    }
}

/** Cuts a byte stream into frames. */
export class FrameReader {
    private pending = Buffer.alloc(0);

    /** Adds what arrived and returns the complete frames. */
    push(chunk: Buffer): Frame[] {
        this.pending = Buffer.concat([this.pending, chunk]);
        const frames: Frame[] = [];
        while (this.pending.length >= 4) {
            const length = this.pending.readUInt32BE(0);
            if (length > LONGEST_FRAME) throw new Error(`a frame of ${String(length)} bytes`);
            if (this.pending.length < 4 + length) break;
            frames.push(new Frame(Buffer.from(this.pending.subarray(0, 4 + length))));
            this.pending = this.pending.subarray(4 + length);
        }
        return frames;
    }
}

/** The first bytes on an event socket. */
export function hello(deployment: string, target: string, source: string): Buffer {
    return Buffer.concat([Buffer.from("AEXH\x01\0\0\0", "latin1"), Buffer.from(deployment, "hex"), Buffer.from(target, "hex"), Buffer.from(source, "hex")]);
}
