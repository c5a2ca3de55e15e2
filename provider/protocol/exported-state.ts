// What an instance hands over: its declared objects, its grants and its connections in the state message ("AEXS"), and the
// keys of the connections, which only a Release gives away (docs/protocol.md section 9).
import { sha256 } from "@noble/hashes/sha2";
import { utf8ToBytes } from "@noble/hashes/utils";
import { Reader, Writer, ascii, concat, equalBytes, isZero, label } from "./bytes";
import { MAX_FRAME } from "./frame";
import { setupReceiver, setupSender, type KeyPair } from "./hpke";
import { readSet, writeSet, type SetRecord } from "./records";
import { FLAG } from "./status";
import { ProtocolError, REFUSAL, malformed } from "./refusal";

/** A connection as it is handed over, without its key: `firstCounter` is its `next`. */
export interface ExportedConnection extends Omit<SetRecord, "type" | "reset" | "key"> {
    /** Of the declaration that it joins: the new instance may number its declarations in another way. */
    readonly name: string;
    /** The status flags active, retired and reset. */
    readonly flags: number;
    readonly acknowledged: bigint;
    readonly gaps: bigint;
    /** Reply that answers a repeated request; empty if there is none. */
    readonly cached: Uint8Array;
}

export interface ExportedState {
    readonly objects: readonly { readonly name: string; readonly version: number; readonly bytes: Uint8Array }[];
    /** Names of the devices that may be written. */
    readonly grants: readonly string[];
    readonly connections: readonly ExportedConnection[];
    /** Of the keys, 32 bytes: others are not the old instance's. */
    readonly commitment: Uint8Array;
}

/** A connection's key. */
export interface ExportedKey {
    readonly connection: number;
    /** 32 bytes. */
    readonly key: Uint8Array;
}

const EXPORTED_FLAGS = FLAG.active | FLAG.retired | FLAG.reset;
const NO_KEY = new Uint8Array(32);

const writeName = (writer: Writer, name: string): Writer => {
    const bytes = utf8ToBytes(name);
    return writer.u8(bytes.length, "length of a name").bytes(bytes);
};

/** Encodes the plaintext of a state message. @throws RangeError */
export function encodeState(state: ExportedState): Uint8Array {
    const writer = new Writer().u16(state.objects.length, "number of objects");
    for (const { name, version, bytes } of state.objects) writeName(writer, name).u16(version, "version").u32(bytes.length).bytes(bytes.slice());
    writer.u16(state.grants.length, "number of grants");
    for (const name of state.grants) writeName(writer, name);
    writer.u16(state.connections.length, "number of connections");
    for (const connection of state.connections) {
        writeSet(writeName(writer, connection.name), { ...connection, key: NO_KEY }, connection.flags);
        writer.u64(connection.acknowledged, "acknowledged").u64(connection.gaps, "gaps").u32(connection.cached.length).bytes(connection.cached.slice());
    }
    return writer.field("commitment", state.commitment.slice(), 32).finishAndWipe();
}

/** Decodes the plaintext. @throws ProtocolError (malformed) */
export function decodeState(plaintext: Uint8Array): ExportedState {
    const reader = new Reader(plaintext, "state");
    const name = (): string => reader.text(reader.u8("length of a name"), "name");
    const objects = Array.from({ length: reader.u16("number of objects") }, () => ({
        name: name(), version: reader.u16("version"), bytes: reader.bytes(reader.u32("length of an object"), "object"),
    }));
    const grants = Array.from({ length: reader.u16("number of grants") }, name);
    const connections = Array.from({ length: reader.u16("number of connections") }, () => {
        const at = name();
        const { key, ...set } = readSet(reader);
        if (!isZero(key)) throw malformed("state: a connection with a key");
        if ((set.flags & ~EXPORTED_FLAGS) !== 0) throw malformed(`state: flags ${set.flags} has reserved bits`);
        const acknowledged = reader.u64("acknowledged");
        const gaps = reader.u64("gaps");
        const cachedLength = reader.u32("length of the cached reply");
        if (cachedLength > MAX_FRAME) throw malformed(`state: a cached reply of ${cachedLength} bytes`);
        return { name: at, ...set, acknowledged, gaps, cached: reader.bytes(cachedLength, "cached reply") };
    });
    const commitment = reader.bytes(32, "commitment");
    reader.end();
    return { objects, grants, connections, commitment };
}

const stateInfo = (prepare: Uint8Array): Uint8Array => sha256(concat(label("aex/v1/state"), prepare));

/**
 * Seals the plaintext to the target (the module's side).
 *
 * @param prepare - the whole Prepare
 * @returns the state message
 */
export function sealState(prepare: Uint8Array, targetKey: Uint8Array, plaintext: Uint8Array, ephemeral?: KeyPair): Uint8Array {
    const { enc, context } = setupSender(targetKey, stateInfo(prepare), ephemeral);
    try {
        return concat(ascii("AEXS"), Uint8Array.of(1), enc, context.seal(plaintext));
    } finally {
        context.wipe();
    }
}

/** Opens a state message at the target. @throws ProtocolError (malformed or decryption) */
export function openState(prepare: Uint8Array, target: KeyPair, message: Uint8Array): Uint8Array {
    const reader = new Reader(message, "state message");
    reader.magic("AEXS");
    reader.version();
    const context = setupReceiver(reader.bytes(32, "enc"), target, stateInfo(prepare));
    try {
        return context.open(reader.bytes(reader.remaining, "ciphertext"));
    } finally {
        context.wipe();
    }
}

/** Encodes the keys that a Release gives away. The caller clears them. */
export function encodeKeys(keys: readonly ExportedKey[]): Uint8Array {
    const writer = new Writer();
    for (const { connection, key } of keys) writer.u32(connection, "connection").field("key", key.slice(), 32);
    return writer.finishAndWipe();
}

/** What the state message says of the keys. */
export const keyCommitment = (keys: Uint8Array): Uint8Array => sha256(concat(label("aex/v1/keys"), keys));

/** Decodes keys. @throws ProtocolError (malformed; decryption where they are not those of the state message) */
export function decodeKeys(keys: Uint8Array, commitment: Uint8Array): ExportedKey[] {
    if (!equalBytes(keyCommitment(keys), commitment)) throw new ProtocolError(REFUSAL.decryption, "the keys are not those of the old instance");
    const reader = new Reader(keys, "keys");
    const found: ExportedKey[] = [];
    while (reader.remaining > 0) found.push({ connection: reader.u32("connection"), key: reader.bytes(32, "key") });
    return found;
}
