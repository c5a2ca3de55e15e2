// Canonical PEM: a chain has one spelling.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { EvidenceRefused } from "../../../provider/attest/refusal";
import { decodePem, encodePem } from "../../../provider/attest/x509/pem";

describe("canonical PEM", () => {
    it("reads what it writes, at every length around a line", () => {
        for (const length of [1, 2, 3, 47, 48, 49, 95, 96, 97, 1200]) {
            const der = new Uint8Array(randomBytes(length));
            assert.deepEqual(decodePem(encodePem("CERTIFICATE", der), "CERTIFICATE", "test"), [der]);
        }
    });

    it("reads several blocks", () => {
        const blocks = [new Uint8Array(100), new Uint8Array(50)];
        assert.deepEqual(decodePem(blocks.map((der) => encodePem("X509 CRL", der)).join(""), "X509 CRL", "test"), blocks);
    });

    const pem = encodePem("CERTIFICATE", Uint8Array.from({ length: 97 }, (_, index) => index));
    const variants: [what: string, text: string][] = [
        ["nothing", ""],
        ["another label", pem.replaceAll("CERTIFICATE", "PUBLIC KEY")],
        ["CR LF", pem.replaceAll("\n", "\r\n")],
        ["no final line end", pem.slice(0, -1)],
        ["a second final line end", `${pem}\n`],
        ["text before the block", `subject=x\n${pem}`],
        ["a space in a line", pem.replace("AAEC", "AA EC")],
        ["lines of 76 characters", pem.replace(/\n(?=[^-])/g, "").replace("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n")],
        ["no padding", pem.replace("==", "")],
        ["used padding bits", pem.replace(/(.)==\n-/, "B==\n-")],
        ["base64url", pem.replace(/\+|\//, "-").replace("AAEC", "A_EC")],
        ["a NUL at the end", `${pem}\0`],
        ["an empty block", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"],
        ["an unfinished block", pem.slice(0, 60)],
    ];
    for (const [what, text] of variants) {
        it(`refuses ${what}`, () => {
            assert.notEqual(text, pem);
            assert.throws(() => decodePem(text, "CERTIFICATE", "test"), EvidenceRefused);
        });
    }
});
