// Sessions with modules on Sancus boards: S1 to S4 and the activation (docs/protocol.md section 10), under the module key,
// which exists only while a step needs it.
import { randomBytes } from "node:crypto";
import { AuthenticError } from "../errors";
import { equalBytes } from "../protocol/bytes";
import { PURPOSE, type Purpose } from "../protocol/m1";
import { encodeUpdate, type TableRecord } from "../protocol/records";
import { ProtocolError } from "../protocol/refusal";
import { decodeS2, encodeS1, encodeSancusActivate, provisioningKey, s4 as s4Of, sancusActivated, sealS3 } from "../protocol/sancus-session";
import { decodeStatus, type Status } from "../protocol/status";
import type { Appraisal, BoardKeys, End, MessageType, Reply } from "./session";

/** What a board's session needs after its attestation. */
export interface BoardSession {
    readonly keys: BoardKeys;
    readonly nonceD: Uint8Array;
    readonly nonceM: Uint8Array;
}

/** A configuration that a module on a board has confirmed. */
export interface BoardContext {
    readonly p: Uint8Array;
    readonly confirmed: Uint8Array;
    /** Erases the provisioning key. */
    wipe(): void;
}

/** Sends one message and returns the reply of the expected type. */
export type Ask = (type: MessageType, body: Uint8Array, expected: Exclude<Reply["type"], "refused">) => Promise<Uint8Array>;

/** A reply that no genuine module makes. */
export type Untrusted = (problem: string, cause?: unknown) => Error;

/** In a session the MAC of S2 is the evidence, which is verified here; what is left to appraise is the length of the key. */
const EVIDENCE_SANCUS = 3;

/**
 * S1 and S2: challenges a module, checks its MAC and has it appraised.
 *
 * @throws AuthenticError where the purpose is not one that boards take, or the module is not accepted
 */
export async function openBoard(end: End, keys: BoardKeys, purpose: Purpose, ask: Ask, untrusted: Untrusted): Promise<{ board: BoardSession; s1: Uint8Array; s2: Uint8Array; status: Status; evidenceType: number; appraisal: Appraisal }> {
    if (purpose !== PURPOSE.attest && purpose !== PURPOSE.configure) {
        throw new AuthenticError("AE-BOARD-PURPOSE", `module ${end.name} runs on a Sancus board, which takes no commands of the deployer and hands no state over`, "connect it to a module on a server, and send commands to that one");
    }
    const nonceD = randomBytes(16);
    const key = await keys.moduleKey();
    try {
        const s1 = encodeS1(key, { purpose, nonceD });
        const s2 = await ask("m1", s1, "m2");
        const { nonceM, status: bytes } = decodeS2(key, s1, s2);
        const status = decodeStatus(bytes);
        const appraisal = await end.appraise({
            instance: end.name, evidenceType: EVIDENCE_SANCUS, evidence: Uint8Array.of(key.length), reportData: new Uint8Array(64), measurement: end.measurement, backend: end.backend,
        });
        return { board: { keys, nonceD, nonceM }, s1, s2, status, evidenceType: EVIDENCE_SANCUS, appraisal };
    } catch (error) {
        if (error instanceof ProtocolError) throw untrusted(error.message, error);
        throw error;
    } finally {
        key.fill(0);
    }
}

/** The record as a board takes it: a key of the board's length, and for a grant the measurement of the driver. */
async function forBoard(record: TableRecord, keys: BoardKeys, keyLength: 8 | 16): Promise<TableRecord> {
    if (record.type === "set") return { ...record, key: record.key.slice(0, keyLength) };
    if (record.type !== "grant") return record;
    const measurement = new Uint8Array(32);
    measurement.set(await keys.driverTag(record.endpoint));
    return { ...record, measurement };
}

/**
 * S3 and S4: changes a module's table.
 *
 * @throws Error of `untrusted` when the confirmation is wrong
 */
export async function configureBoard({ keys, nonceD, nonceM }: BoardSession, status: Status, records: readonly TableRecord[], ask: Ask, untrusted: Untrusted): Promise<BoardContext> {
    const key = await keys.moduleKey();
    const keyLength = key.length === 8 ? 8 : 16;
    const p = provisioningKey(key, nonceD, nonceM);
    key.fill(0);
    const own = await Promise.all(records.map((record) => forBoard(record, keys, keyLength)));
    const plaintext = encodeUpdate({ incarnation: status.incarnation, generation: status.generation, records: own }, keyLength);
    try {
        const s3 = sealS3(p, nonceD, nonceM, plaintext);
        const confirmed = s4Of(p, s3);
        if (!equalBytes(await ask("m3", s3, "m4"), confirmed)) throw untrusted("the confirmation of the keys is wrong");
        return { p, confirmed, wipe: () => { p.fill(0); } };
    } catch (error) {
        p.fill(0);
        throw error;
    } finally {
        plaintext.fill(0);
        for (const record of own) if (record.type === "set") record.key.fill(0);
    }
}

/** The activation and its confirmation. @throws Error of `untrusted` when that is wrong */
export async function activateBoard({ p, confirmed }: BoardContext, ask: Ask, untrusted: Untrusted): Promise<void> {
    const reply = await ask("activate", encodeSancusActivate(p, confirmed), "activated");
    if (!equalBytes(reply, sancusActivated(p, confirmed))) throw untrusted("the confirmation of the activation is wrong");
}
