// A client of AESM of its own: protobuf by hand, one request a connection.
import { connect } from "node:net";

/** Members of a protobuf message by field number, the last of each. */
export type Members = ReadonlyMap<number, Uint8Array | number>;

function varint(value: number): Buffer {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push(rest % 0x80 | 0x80);
    return Buffer.from([...bytes, rest]);
}

/** Encodes members in the order given: numbers as varints, bytes with their length. */
export function encode(members: readonly (readonly [field: number, value: Uint8Array | number])[]): Buffer {
    return Buffer.concat(members.map(([field, value]) => typeof value === "number"
        ? Buffer.concat([varint(field * 8), varint(value)]) : Buffer.concat([varint(field * 8 + 2), varint(value.length), value])));
}

function decode(bytes: Uint8Array): Members {
    const members = new Map<number, Uint8Array | number>();
    let offset = 0;
    const number = (): number => {
        let value = 0;
        for (let scale = 1; ; scale *= 0x80) {
            const byte = bytes[offset++]!;
            value += (byte % 0x80) * scale;
            if (byte < 0x80) return value;
        }
    };
    while (offset < bytes.length) {
        const tag = number();
        const value = number();
        members.set(Math.floor(tag / 8), tag % 8 === 0 ? value : bytes.slice(offset, offset += value));
    }
    return members;
}

/** Sends bytes with their length in front; the reply's body, empty where the service closes without one. */
export function exchange(socket: string, body: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
        const chunks: Buffer[] = [];
        const stream = connect(socket, () => {
            const length = Buffer.alloc(4);
            length.writeUInt32LE(body.length);
            stream.write(Buffer.concat([length, body]));
        });
        stream.setTimeout(20_000, () => stream.destroy(new Error("AESM is silent")));
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.once("error", reject);
        stream.once("close", () => resolve(new Uint8Array(Buffer.concat(chunks).subarray(4))));
    });
}

/** Calls the service; the members of the reply with the request's number. */
export async function call(socket: string, request: number, members: Parameters<typeof encode>[0]): Promise<Members> {
    const reply = decode(await exchange(socket, encode([[request, encode(members)]]))).get(request);
    return typeof reply === "object" ? decode(reply) : new Map();
}

const INIT_QUOTE = 15;
const QUOTE_SIZE = 16;
const QUOTE = 17;
const KEY_IDS = 22;

/** Where reports have to be made for, and the attestation key's identity. */
export async function initialize(socket: string): Promise<{ targetInfo: Uint8Array; key: Uint8Array }> {
    const key = (await call(socket, KEY_IDS, [[1, 256]])).get(2) as Uint8Array;
    const size = (await call(socket, INIT_QUOTE, [[1, key], [3, 0]])).get(3) as number;
    const targetInfo = (await call(socket, INIT_QUOTE, [[1, key], [3, 1], [4, size]])).get(2) as Uint8Array;
    return { targetInfo, key };
}

/** A quote of a report, or the service's error code. */
export async function quote(socket: string, key: Uint8Array, report: Uint8Array, qeReportInfo?: Uint8Array): Promise<{ error: number; quote: Uint8Array; qeReportInfo: Uint8Array }> {
    const size = (await call(socket, QUOTE_SIZE, [[1, key]])).get(2) as number;
    const reply = await call(socket, QUOTE, [[1, report], [2, key], ...(qeReportInfo === undefined ? [] : [[3, qeReportInfo] as const]), [4, size]]);
    const bytes = (field: number): Uint8Array => reply.get(field) as Uint8Array | undefined ?? new Uint8Array(0);
    return { error: reply.get(1) as number, quote: bytes(2), qeReportInfo: bytes(3) };
}
