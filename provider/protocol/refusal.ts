// Why a message is refused: the codes of docs/protocol.md section 4 ("Refusals") and the one error of the codecs.

/** Refusal codes, as a module sends them (unauthenticated, for diagnosis only). */
export const REFUSAL = {
    malformed: 1,
    signature: 2,
    wrongInstance: 3,
    noSession: 4,
    wrongPurpose: 5,
    decryption: 6,
    changed: 7,
    badRecord: 8,
    noRoom: 9,
    failed: 10,
    keyIds: 11,
    handOver: 12,
    busy: 13,
} as const;

export type RefusalCode = (typeof REFUSAL)[keyof typeof REFUSAL];

const MEANING: Readonly<Partial<Record<number, string>>> = {
    1: "the message is malformed",
    2: "the signature is not the deployer's",
    3: "the message is for another deployment or instance",
    4: "there is no session the message belongs to",
    5: "the session was opened for another purpose",
    6: "the message does not decrypt",
    7: "the incarnation, generation or counter has changed since the attestation",
    8: "a record does not fit the module or its connections",
    9: "the module has no room for another connection",
    10: "the instance has failed",
    11: "the key ids differ from those that were set",
    12: "the hand-over is in another state",
    13: "the module is busy",
};

/** A received message is not acceptable. Its message names the field and never holds a secret. */
export class ProtocolError extends Error {
    /** @param refusal - code a module would answer with */
    constructor(
        readonly refusal: RefusalCode,
        problem: string,
    ) {
        super(problem);
        this.name = "ProtocolError";
    }
}

/** The refusal of a message that breaks its layout. */
export const malformed = (problem: string): ProtocolError => new ProtocolError(REFUSAL.malformed, problem);

/** What a refusal code means, for messages; codes outside the specification are named as such. */
export const describeRefusal = (code: number): string => MEANING[code] ?? `an unknown refusal (${code})`;

/** `0xFF | code u16`. */
export const encodeRefusal = (code: RefusalCode): Uint8Array => Uint8Array.of(0xff, code >> 8, code & 0xff);

/**
 * Whether a reply is a refusal, and which.
 *
 * @returns the code, or `undefined` if the reply is something else
 */
export function decodeRefusal(reply: Uint8Array): number | undefined {
    const [magic, high = 0, low = 0] = reply;
    return reply.length === 3 && magic === 0xff ? (high << 8) | low : undefined;
}
