// Signed JSON of Intel's collateral: canonical text, a strict schema, current dates, a signature over the raw bytes.

import type { z } from "zod";
import { formatInstant, instant } from "../clock";
import { fromHex } from "../bytes";
import { malformed, refuse } from "../refusal";
import { verifyEcdsa } from "../x509/algorithm";
import type { Certificate } from "../x509/certificate";
import { checkValidity } from "../x509/time";

// TCB information of the largest platforms has some 50 kilobytes.
const MAX_JSON = 1 << 20;

/** Members that all signed documents share. */
export interface DatedDocument {
    readonly issueDate: string;
    readonly nextUpdate: string;
}

/**
 * Reads one JSON text. Only the text that `JSON.stringify` would write is accepted: whitespace, repeated members
 * and other spellings of the same value are refused, so what is read is exactly what was signed.
 */
export function parseCanonicalJson<T>(text: string, schema: z.ZodType<T>, document: string, indent?: number): T {
    if (text.length > MAX_JSON) {
        throw malformed(document, `${text.length} characters`, `at most ${MAX_JSON} characters`);
    }
    let value: unknown;
    try {
        value = JSON.parse(text);
    } catch {
        throw malformed(document, "no JSON", "a JSON object");
    }
    if (JSON.stringify(value, null, indent) !== text) {
        throw malformed(document, "JSON in another form, or with a repeated member", indent === undefined ? "JSON without whitespace" : `JSON indented by ${indent}`);
    }
    const result = schema.safeParse(value);
    if (!result.success) {
        const issue = result.error.issues[0];
        throw malformed(`${document}: ${issue?.path.join(".") ?? ""}`, issue?.message ?? "another structure", "the published structure");
    }
    return result.data;
}

/**
 * Checks signature and dates of a document.
 *
 * @param text - the signed text, as received
 * @param signature - r ‖ s, 128 hexadecimal digits
 * @param signer - a verified "Intel SGX TCB Signing" certificate
 */
export function checkSignedJson(text: string, signature: string, content: DatedDocument, signer: Certificate, document: string, at: number, maxAgeDays: number | undefined, setting: string): void {
    if (!verifyEcdsa(signer.publicKey, Buffer.from(text, "utf8"), fromHex(signature, `${document}: signature`))) {
        throw refuse("AE-ATTEST-SIGNATURE", `${document}: signature`, "invalid", `a signature of "${signer.subject.commonName}"`);
    }
    // The schema has made sure that these are instants; NaN would refuse below.
    const issued = instant(content.issueDate) ?? NaN;
    checkValidity(document, issued, instant(content.nextUpdate) ?? NaN, at);
    if (maxAgeDays !== undefined && !(at - issued <= maxAgeDays * 86_400_000)) {
        throw refuse("AE-ATTEST-EXPIRED", `${document}: age`, `issued ${formatInstant(issued)}`, `at most ${maxAgeDays} days before ${formatInstant(at)}`, setting);
    }
}
