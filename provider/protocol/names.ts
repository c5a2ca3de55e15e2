// Names of docs/protocol.md section 1: instance ids and connection numbers.
import { randomBytes } from "node:crypto";
import { sha256 } from "@noble/hashes/sha2";
import { utf8ToBytes } from "@noble/hashes/utils";
import { concat, label, requireLength } from "./bytes";

/**
 * The id of a module's place in a deployment: `SHA-256("aex/v1/instance\0" ‖ deployment ‖ UTF-8 name)[0..16]`.
 *
 * @param deployment - 16 bytes
 * @param name - the module's name, not empty
 * @returns 16 bytes
 * @throws RangeError for another length or an empty name
 * @example
 * const instance = instanceId(deployment, "controller");
 */
export function instanceId(deployment: Uint8Array, name: string): Uint8Array {
    requireLength("deployment", deployment, 16);
    if (name === "") throw new RangeError("name must not be empty");
    return sha256(concat(label("aex/v1/instance"), deployment, utf8ToBytes(name))).slice(0, 16);
}

/**
 * A random non-zero connection number that is not among those in use.
 *
 * @param inUse - numbers that either end attests, or that the deployment has used
 */
export function drawConnection(inUse: ReadonlySet<number>): number {
    for (;;) {
        const connection = randomBytes(4).readUInt32BE();
        if (connection !== 0 && !inUse.has(connection)) return connection;
    }
}
