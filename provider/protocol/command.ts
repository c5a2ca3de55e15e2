// Command and Result: an event, request or call of the deployer and its authenticated answer, once
// (docs/protocol.md section 4, "Command").
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { sha256 } from "@noble/hashes/sha2";
import { Reader, Writer, concat, label, requireLength } from "./bytes";
import type { HpkeContext, KeyPair } from "./hpke";
import { ProtocolError, REFUSAL, malformed } from "./refusal";
import { openSigned, sealSigned, type Opened, type Sealed } from "./sealed";

export const OPERATION = { send: 1, request: 2, call: 3 } as const;
export type Operation = (typeof OPERATION)[keyof typeof OPERATION];

export const RESULT = { done: 0, full: 1, refused: 2 } as const;
export type ResultStatus = (typeof RESULT)[keyof typeof RESULT];

/** Longest data of a command or result: that of an event. */
export const MAX_DATA = 65_536;
const NONCE = new Uint8Array(12);
const COMMAND = { label: "command", length: "u32", name: "command" } as const;

export interface Command {
    /** That of M2, 16 bytes. */
    readonly incarnation: Uint8Array;
    readonly operation: Operation;
    /** The input, handler or entry. */
    readonly endpoint: number;
    /** The connection of direction 5; 0 for a call. */
    readonly connection: number;
    /** The attested `next` of the connection, for a call `commandNext`. */
    readonly counter: bigint;
    readonly data: Uint8Array;
}

/** Encodes the plaintext of a command. @throws RangeError naming a field beyond its width, or data of more than 64 KiB */
export function encodeCommand(command: Command): Uint8Array {
    if (command.data.length > MAX_DATA) throw new RangeError(`data must have at most ${MAX_DATA} bytes, not ${command.data.length}`);
    if ((command.operation === OPERATION.call) !== (command.connection === 0)) throw new RangeError("connection must be 0 for a call and only for a call");
    return new Writer()
        .field("incarnation", command.incarnation, 16)
        .u8(command.operation, "operation")
        .u16(command.endpoint, "endpoint")
        .u32(command.connection, "connection")
        .u64(command.counter, "counter")
        .u32(command.data.length)
        .bytes(command.data)
        .finish();
}

/** Decodes the plaintext of a command (the module's side). @throws ProtocolError (malformed) */
export function decodeCommand(plaintext: Uint8Array): Command {
    const reader = new Reader(plaintext, "command");
    const incarnation = reader.bytes(16, "incarnation");
    const operation = reader.oneOf(reader.u8("operation"), Object.values(OPERATION), "operation");
    const endpoint = reader.u16("endpoint");
    const connection = reader.u32("connection");
    if ((operation === OPERATION.call) !== (connection === 0)) throw malformed(`command: connection ${connection} with operation ${operation}`);
    const counter = reader.u64("counter");
    const length = reader.u32("length");
    if (length > MAX_DATA) throw malformed(`command: data of ${length} bytes`);
    const data = reader.bytes(length, "data");
    reader.end();
    return { incarnation, operation, endpoint, connection, counter, data };
}

/**
 * Seals and signs a command.
 *
 * @param session - `SHA-256(M1 ‖ M2core)` of a session of purpose command, 32 bytes
 * @param pkE - the module's fresh key
 * @param ephemeral - for vectors only
 */
export function sealCommand(session: Uint8Array, pkE: Uint8Array, plaintext: Uint8Array, secretKey: Uint8Array, ephemeral?: KeyPair): Sealed {
    return sealSigned(COMMAND, session, pkE, plaintext, secretKey, ephemeral);
}

/**
 * Checks the signature of a command and opens it (the module's side).
 *
 * @throws ProtocolError (malformed, signature or decryption)
 */
export function openCommand(session: Uint8Array, message: Uint8Array, recipient: KeyPair, deployerKey: Uint8Array): Opened {
    return openSigned(COMMAND, session, message, recipient, deployerKey);
}

export interface Result {
    readonly status: ResultStatus;
    readonly counter: bigint;
    readonly data: Uint8Array;
}

/** The key of a command's result, exported from its context. The caller clears it. */
export const resultKey = (context: HpkeContext, m1: Uint8Array, m2Core: Uint8Array, command: Uint8Array): Uint8Array =>
    context.exportSecret(concat(label("aex/v1/result"), sha256(concat(m1, m2Core, command))));

/** Seals a result under its key, which seals nothing else (the module's side). */
export function sealResult(key: Uint8Array, result: Result): Uint8Array {
    requireLength("key", key, 32);
    const plaintext = new Writer().u8(result.status).u64(result.counter, "counter").u32(result.data.length).bytes(result.data).finish();
    return chacha20poly1305(key, NONCE).encrypt(plaintext);
}

/** Opens a result. @throws ProtocolError (decryption or malformed) */
export function openResult(key: Uint8Array, sealed: Uint8Array): Result {
    requireLength("key", key, 32);
    let plaintext: Uint8Array;
    try {
        plaintext = chacha20poly1305(key, NONCE).decrypt(sealed);
    } catch (cause) {
        throw Object.assign(new ProtocolError(REFUSAL.decryption, "the result does not authenticate"), { cause });
    }
    const reader = new Reader(plaintext, "result");
    const status = reader.oneOf(reader.u8("status"), Object.values(RESULT), "status");
    const counter = reader.u64("counter");
    const data = reader.bytes(reader.u32("length"), "data");
    reader.end();
    return { status, counter, data };
}
