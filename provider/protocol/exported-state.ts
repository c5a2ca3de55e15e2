// What an instance hands over: its declared objects and its connections, sealed under a state key
// (docs/protocol.md section 9, "AEXS").
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { sha256 } from "@noble/hashes/sha2";
import { utf8ToBytes } from "@noble/hashes/utils";
import { Reader, Writer, ascii, concat, requireLength } from "./bytes";
import { MAX_FRAME } from "./frame";
import { readSet, writeSet, type SetRecord } from "./records";
import { FLAG } from "./status";
import { ProtocolError, REFUSAL, malformed } from "./refusal";

/** A connection as it is handed over: `firstCounter` is its `next`. */
export interface ExportedConnection extends Omit<SetRecord, "type" | "reset"> {
    /** The status flags active, retired and reset. */
    readonly flags: number;
    readonly acknowledged: bigint;
    readonly gaps: bigint;
    /** Reply that answers a repeated request; empty if there is none. */
    readonly cached: Uint8Array;
}

export interface ExportedState {
    readonly schema: number;
    readonly objects: readonly { readonly name: string; readonly bytes: Uint8Array }[];
    readonly connections: readonly ExportedConnection[];
}

const EXPORTED_FLAGS = FLAG.active | FLAG.retired | FLAG.reset;
const NONCE = new Uint8Array(12);
const HEADER = 41;
/** Largest state that is read. */
export const MAX_STATE = 16 * 1024 * 1024;

/** Encodes the plaintext; it holds keys, so the caller clears it after sealing. @throws RangeError */
export function encodeState(state: ExportedState): Uint8Array {
    const writer = new Writer().u16(state.schema, "schema").u16(state.objects.length, "number of objects");
    for (const { name, bytes } of state.objects) {
        const nameBytes = utf8ToBytes(name);
        writer.u8(nameBytes.length, "length of a name").bytes(nameBytes).u32(bytes.length).bytes(bytes.slice());
    }
    writer.u16(state.connections.length, "number of connections");
    for (const connection of state.connections) {
        writeSet(writer, connection, connection.flags);
        writer.u64(connection.acknowledged, "acknowledged").u64(connection.gaps, "gaps").u32(connection.cached.length).bytes(connection.cached.slice());
    }
    return writer.finishAndWipe();
}

/** Decodes the plaintext. @throws ProtocolError (malformed) */
export function decodeState(plaintext: Uint8Array): ExportedState {
    const reader = new Reader(plaintext, "state");
    const schema = reader.u16("schema");
    const objects = Array.from({ length: reader.u16("number of objects") }, () => {
        const name = reader.text(reader.u8("length of a name"), "name");
        return { name, bytes: reader.bytes(reader.u32("length of an object"), "object") };
    });
    const connections = Array.from({ length: reader.u16("number of connections") }, () => {
        const set = readSet(reader);
        if ((set.flags & ~EXPORTED_FLAGS) !== 0) throw malformed(`state: flags ${set.flags} has reserved bits`);
        const acknowledged = reader.u64("acknowledged");
        const gaps = reader.u64("gaps");
        const cachedLength = reader.u32("length of the cached reply");
        if (cachedLength > MAX_FRAME) throw malformed(`state: a cached reply of ${cachedLength} bytes`);
        return { ...set, acknowledged, gaps, cached: reader.bytes(cachedLength, "cached reply") };
    });
    reader.end();
    return { schema, objects, connections };
}

const header = (h: Uint8Array, length: number): Uint8Array => new Writer().bytes(ascii("AEXS")).u8(1).field("h", h, 32).u32(length).finish();

/**
 * Seals the state under its key, which seals nothing else.
 *
 * @param prepare - the whole Prepare
 * @returns the reply to Prepare
 */
export function sealState(h: Uint8Array, prepare: Uint8Array, stateKey: Uint8Array, plaintext: Uint8Array): Uint8Array {
    requireLength("stateKey", stateKey, 32);
    const clear = header(h, plaintext.length);
    return concat(clear, chacha20poly1305(stateKey, NONCE, concat(clear, sha256(prepare))).encrypt(plaintext));
}

/** Opens the state at the target. @throws ProtocolError (malformed or decryption) */
export function openState(h: Uint8Array, prepare: Uint8Array, stateKey: Uint8Array, message: Uint8Array): Uint8Array {
    requireLength("stateKey", stateKey, 32);
    const reader = new Reader(message, "state message");
    reader.magic("AEXS");
    reader.version();
    const named = reader.bytes(32, "h");
    const length = reader.u32("length");
    if (length > MAX_STATE || reader.remaining !== length + 16) throw malformed(`state message: length ${length} does not fit`);
    const sealed = reader.bytes(length + 16, "ciphertext");
    if (Buffer.compare(named, h) !== 0) throw new ProtocolError(REFUSAL.handOver, "the state is of another hand-over");
    try {
        return chacha20poly1305(stateKey, NONCE, concat(message.subarray(0, HEADER), sha256(prepare))).decrypt(sealed);
    } catch (cause) {
        throw Object.assign(new ProtocolError(REFUSAL.decryption, "the state does not authenticate"), { cause });
    }
}
