// Structured fuzzing of the X.509 core and of everything around SGX and TDX quotes: the answer is a refusal, and never
// a crash. AUTHENTIC_FUZZ=full tries a million inputs for each reader and twenty thousand for each verifier.
import assert from "node:assert/strict";
import { parseTrust } from "../../../provider/attest/policy";
import { EvidenceRefused } from "../../../provider/attest/refusal";
import { evidenceTypes } from "../../../provider/attest/registry";
import { readDcapFile } from "../../../provider/attest/dcap/collateral";
import { verifyEvidence } from "../../../provider/attest/verifier";
import { parseCertificate } from "../../../provider/attest/x509/certificate";
import { parseRevocationList } from "../../../provider/attest/x509/crl";
import { decodePem } from "../../../provider/attest/x509/pem";
import { build, NOW, sgxWorld, tdxWorld } from "../pki/intel";

const full = process.env["AUTHENTIC_FUZZ"] === "full";
const VERIFIED = full ? 20_000 : 200;
const SEED = 1;

/** A small generator of repeatable numbers (xorshift32). */
class Dice {
    private state: number;

    constructor(start: number) {
        this.state = (start * 2654435761 + 1) >>> 0;
    }

    /** An integer from 0 to below. */
    below(bound: number): number {
        this.state ^= this.state << 13;
        this.state ^= this.state >>> 17;
        this.state ^= this.state << 5;
        return (this.state >>> 0) % bound;
    }
}

const INTERESTING = [0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff, 0x30, 0x31, 0x2d, 0x0a];

/** One to four changes: a byte, an interesting value, a cut, a repetition, a swap of two pieces. */
function mutate(original: Uint8Array, dice: Dice): Uint8Array {
    let bytes = Buffer.from(original);
    for (let count = 1 + dice.below(4); count > 0; count--) {
        const at = dice.below(Math.max(1, bytes.length));
        const length = Math.min(bytes.length - at, 1 + dice.below(40));
        switch (dice.below(6)) {
            case 0: bytes[at] = dice.below(256); break;
            case 1: bytes[at] = INTERESTING[dice.below(INTERESTING.length)] ?? 0; break;
            case 2: bytes = bytes.subarray(0, at); break;
            case 3: bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]); break;
            case 4: bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]); break;
            default: bytes.copy(bytes, dice.below(Math.max(1, bytes.length - length)), at, at + length);
        }
    }
    return bytes;
}

/** Runs a reader on changed inputs: it returns or refuses. */
function fuzz(inputs: number, original: Uint8Array, read: (bytes: Uint8Array) => unknown): void {
    const dice = new Dice(SEED);
    for (let count = 0; count < (full ? 1_000_000 : inputs); count++) {
        const bytes = mutate(original, dice);
        try {
            read(bytes);
        } catch (error) {
            assert.ok(error instanceof EvidenceRefused, `input ${count}, ${Buffer.from(bytes).toString("hex")}: ${String(error)}`);
        }
    }
}

describe("fuzzing certificates and quotes", function () {
    this.timeout(0);
    const sgx = build(sgxWorld());
    const tdx = build(tdxWorld());
    const chain = sgx.collateral.pckCrlIssuerChain;

    const readers: [what: string, inputs: number, original: Uint8Array, read: (bytes: Uint8Array) => unknown][] = [
        ["certificates", 4000, sgx.root, (bytes) => parseCertificate(bytes, "certificate")],
        ["revocation lists", 4000, sgx.collateral.pckCrl, (bytes) => parseRevocationList(bytes, "list")],
        ["PEM", 4000, Buffer.from(chain), (bytes) => decodePem(Buffer.from(bytes).toString("latin1"), "CERTIFICATE", "chain")],
        ["SGX quotes", 2000, sgx.quote, (bytes) => evidenceTypes.sgx.parse(bytes)],
        ["TDX quotes", 2000, tdx.quote, (bytes) => evidenceTypes.tdx.parse(bytes)],
        ["collateral files", 2000, sgx.file, (bytes) => readDcapFile([bytes])],
        ["SGX TCB info", 1000, Buffer.from(sgx.collateral.tcbInfo), (bytes) => evidenceTypes.sgx.readCollateral([rewrite(sgx.file, "tcb_info", bytes)])],
        ["TDX QE identities", 1000, Buffer.from(tdx.collateral.qeIdentity), (bytes) => evidenceTypes.tdx.readCollateral([rewrite(tdx.file, "qe_identity", bytes)])],
        ["native evidence", 1000, new Uint8Array(64), (bytes) => evidenceTypes.none.parse(bytes)],
    ];
    for (const [what, inputs, original, read] of readers) {
        it(`readers of ${what} refuse or read, and never crash`, () => {
            fuzz(inputs, original, read);
        });
    }

    for (const [type, built] of [["sgx", sgx], ["tdx", tdx]] as const) {
        it(`the ${type} verifier accepts nothing that was changed`, () => {
            const appraisal = { trust: parseTrust({ emulated: true }), roots: { assurance: "emulated", anchors: [built.root] } as const, at: NOW, reportData: null, references: null };
            const appraise = (quote: Uint8Array, file: Uint8Array): boolean =>
                (type === "sgx" ? verifyEvidence(evidenceTypes.sgx, quote, [file], appraisal) : verifyEvidence(evidenceTypes.tdx, quote, [file], appraisal)).accepted;
            assert.equal(appraise(built.quote, built.file), true);
            const dice = new Dice(SEED);
            for (let count = 0; count < VERIFIED; count++) {
                const [quote, file] = dice.below(2) === 0 ? [mutate(built.quote, dice), built.file] : [built.quote, mutate(built.file, dice)];
                const same = Buffer.compare(quote, built.quote) === 0 && Buffer.compare(file, built.file) === 0;
                assert.equal(appraise(quote, file), same, `input ${count}`);
            }
        });
    }
});

/** The file with one text replaced. */
function rewrite(file: Uint8Array, member: string, bytes: Uint8Array): Uint8Array {
    const documents = JSON.parse(Buffer.from(file).toString("utf8")) as Record<string, string>;
    return Buffer.from(JSON.stringify({ ...documents, [member]: Buffer.from(bytes).toString("utf8") }, null, 2));
}
