// Cross-check of the SGX and TDX verifiers against @phala/dcap-qvl, on genuine samples and on worlds of the test PKI.
// Every known disagreement is a row that says who is right; both outcomes are asserted.
import assert from "node:assert/strict";
import { QuoteVerifier, type Collateral } from "@phala/dcap-qvl";
import type { Verdict } from "../../../provider/attest/evidence";
import { evidenceTypes } from "../../../provider/attest/registry";
import { Appraiser } from "../changes";
import { build, NOW, sgxWorld, tdxWorld } from "../pki/intel";
import { judge } from "../pki/judge";
import { genuine } from "../vectors";
import { agreedRows } from "./agreed-rows";
import { certificateRows } from "./certificate-rows";
import { quoteRows } from "./quote-rows";
import type { Row } from "./row";

const worlds = { sgx: sgxWorld, tdx: tdxWorld };

function ours({ accepted, status, reasons }: Verdict): string {
    const refusal = accepted ? [] : [`refused: ${reasons.map(({ claim }) => claim).join(", ")}`];
    return [...(status === null ? [] : [status]), ...refusal].join("; ");
}

/** @param at - milliseconds since the epoch */
function theirs(verifier: QuoteVerifier, quote: Uint8Array, collateral: Collateral, at: number): string {
    try {
        const { status, advisory_ids } = verifier.verify(quote, collateral, at / 1000);
        return [status, ...advisory_ids].join(" ");
    } catch (error) {
        return `refused: ${error instanceof Error ? error.message : String(error)}`;
    }
}

const collateralOf = (file: Uint8Array): Collateral => JSON.parse(Buffer.from(file).toString("utf8")) as Collateral;

/** Registers one test a row and TEE. */
function compare(row: Pick<Row, "input" | "tees" | "ours" | "theirs" | "change">, title: string): void {
    for (const tee of row.tees) {
        it(`${tee.toUpperCase()}: ${title}`, () => {
            const world = worlds[tee]();
            row.change(world);
            const { quote, file, root } = build(world);
            assert.equal(theirs(QuoteVerifier.newWithRootCa(Buffer.from(root)), quote, collateralOf(file), NOW), row.theirs, "theirs");
            assert.equal(ours(judge(world)), row.ours, "ours");
        });
    }
}

interface Genuine {
    readonly tee: "sgx" | "tdx";
    readonly sample: string;
    readonly length: number;
    readonly status: string;
    /** First and last second at which the sample is valid. */
    readonly window: readonly [string, string];
    /** The last second at which theirs accepts: it does not read when a revocation list ends. Right: ours. */
    readonly theirsUntil: string;
    readonly trust: Record<string, unknown>;
    /** How many single-byte changes theirs accepts, of all, and of every 17th. */
    readonly changesTheirsAccepts: readonly [all: number, some: number];
}

const samples: readonly Genuine[] = [
    {
        tee: "sgx", sample: "sgx-quote-v3", length: 4600, status: "ConfigurationAndSWHardeningNeeded INTEL-SA-00289 INTEL-SA-00615",
        window: ["2025-06-19T10:56:11Z", "2025-07-19T10:01:18Z"], theirsUntil: "2025-07-19T10:01:18Z",
        trust: { sgx: { tcbStatuses: ["ConfigurationAndSWHardeningNeeded"], advisories: ["INTEL-SA-00289", "INTEL-SA-00615"] } },
        changesTheirsAccepts: [340, 21],
    },
    {
        tee: "tdx", sample: "tdx-quote-v4", length: 4936, status: "UpToDate",
        window: ["2025-06-19T10:32:27Z", "2025-07-19T10:00:35Z"], theirsUntil: "2025-07-19T10:16:03Z", trust: {},
        changesTheirsAccepts: [343, 22],
    },
];

const all = process.env["AUTHENTIC_MUTATIONS"] === "all";
const SOME = 17;

describe("@phala/dcap-qvl, compared with ours", function () {
    this.timeout(600_000);

    for (const { tee, sample, length, status, window, theirsUntil, trust, changesTheirsAccepts } of samples) {
        describe(`the genuine ${tee.toUpperCase()} quote`, () => {
            const verifier = QuoteVerifier.newProd();
            let quote: Buffer;
            let file: Buffer;
            before(function () {
                quote = genuine(this, `${sample}.bin`).subarray(0, length);
                file = genuine(this, `${sample}.collateral.json`);
            });
            const appraiserAt = (at: number) => new Appraiser<unknown, unknown, unknown, never, unknown, unknown>(
                evidenceTypes[tee] as never, { evidence: quote, collateral: [file], at, trust });

            it("has the same status from the same second on, and ours to the end of the first document", () => {
                const [first, last] = window.map((time) => Date.parse(time)) as [number, number];
                const theirLast = Date.parse(theirsUntil);
                for (const at of [first - 1000, first, last, last + 1000, theirLast, theirLast + 1000]) {
                    const answer = theirs(verifier, quote, collateralOf(file), at);
                    assert.equal(answer === status, at >= first && at <= theirLast, answer);
                    assert.equal(appraiserAt(at).acceptsEvidence(quote), at >= first && at <= last);
                }
            });

            // Theirs skips a PEM block that it cannot read, so that most of them damage the root certificate in the quote,
            // which it then does without; ours accepts no change at all. Right: ours, as signed evidence has one form.
            it(`is accepted by theirs after ${changesTheirsAccepts[0]} changes of one bit, and after none by ours`, () => {
                const at = Date.parse(window[0]);
                const appraiser = appraiserAt(at);
                const collateral = collateralOf(file);
                let accepted = 0;
                for (let offset = 0; offset < quote.length; offset += all ? 1 : SOME) {
                    const changed = Uint8Array.from(quote);
                    changed[offset]! ^= 1 << (offset % 8);
                    accepted += theirs(verifier, changed, collateral, at) === status ? 1 : 0;
                    assert.equal(appraiser.acceptsEvidence(changed), false, `byte ${offset}`);
                }
                assert.equal(accepted, changesTheirsAccepts[all ? 0 : 1]);
            });
        });
    }

    describe("they agree about", () => {
        agreedRows.forEach((row) => compare(row, row.input));
    });

    describe("they disagree about", () => {
        for (const row of [...certificateRows, ...quoteRows]) {
            compare(row, `${row.input} (right: ${row.right}; ${row.why})`);
        }
    });
});
