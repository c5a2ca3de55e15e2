// A vendor key for tests: drawing one takes a second.
import { generateKeyPairSync } from "node:crypto";

let drawn: string | undefined;

/** PEM; the same for all tests of a process. */
export function vendorKey(): string {
    drawn ??= generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    return drawn;
}
