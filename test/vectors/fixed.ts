// Fixed bytes and keys of the vectors. Every value is SHAKE-256 of its name, so that a vector can be made again from
// this file alone. None of these keys is used outside tests.
import { x25519 } from "@noble/curves/ed25519";
import { shake256 } from "@noble/hashes/sha3";
import { hex } from "../../provider/protocol/bytes";
import type { KeyPair } from "../../provider/protocol/hpke";
import { instanceId } from "../../provider/protocol/names";
import { publicKeyOf } from "../../provider/protocol/signature";

/** `SHAKE-256("aex/v1/test-vectors/" ‖ name)`. */
export const fixed = (name: string, length: number): Uint8Array => shake256(`aex/v1/test-vectors/${name}`, { dkLen: length });

/** A fixed X25519 key pair; a copy each time, because senders clear theirs. */
export const fixedPair = (name: string): KeyPair => {
    const secretKey = fixed(name, 32);
    return { secretKey, publicKey: x25519.getPublicKey(secretKey) };
};

export const deployment = fixed("deployment", 16);
export const deployerSecretKey = fixed("deployer secret key", 32);
export const deployerKey = publicKeyOf(deployerSecretKey);
export const instanceName = "controller";
export const instance = instanceId(deployment, instanceName);
export const policyHash = fixed("policy hash", 32);
export const measurement = fixed("measurement", 32);

/** A value of a vector: hexadecimal, a decimal string for 64 bits, a number, or a structure of them. */
export type Value = string | number | boolean | Value[] | { [name: string]: Value };
export type Fields = Record<string, Value>;

/** Makes a vector's values JSON: bytes hexadecimal, 64-bit integers decimal strings. */
export function toJson(value: unknown): Value {
    if (value instanceof Uint8Array) return hex(value);
    if (typeof value === "bigint") return value.toString();
    if (value instanceof Map) return toJson(Object.fromEntries(value));
    if (Array.isArray(value)) return value.map(toJson);
    if (typeof value === "object" && value !== null) {
        return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined).map(([name, v]) => [name, toJson(v)]));
    }
    return value as Value;
}

/** One file of vectors. */
export interface VectorFile {
    /** Section of docs/protocol.md. */
    readonly specification: string;
    readonly notes: string;
    /** What every vector of the file shares. */
    readonly given?: Record<string, unknown>;
    readonly vectors: readonly ({ name: string; notes: string } & Record<string, unknown>)[];
    /** Inputs that must be refused. */
    readonly refused: readonly ({ name: string; notes: string; expect: "refused" } & Record<string, unknown>)[];
}
