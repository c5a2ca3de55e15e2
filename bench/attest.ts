// Time of one verification, from the bytes of evidence and collateral to the verdict, of the
// genuine samples; SGX and TDX beside @phala/dcap-qvl in the same run. It asserts verdicts and no times.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { QuoteVerifier, type Collateral } from "@phala/dcap-qvl";
import { evidenceOfFile } from "../provider/attest/container";
import type { Claims, EvidenceType } from "../provider/attest/evidence";
import { parseTrust } from "../provider/attest/policy";
import { evidenceTypes } from "../provider/attest/registry";
import { verifyEvidence } from "../provider/attest/verifier";
import type { Options } from "./main";
import { quantile } from "./statistics";
import { print } from "./table";

const folder = process.env["AUTHENTIC_VECTORS"] ?? resolve(__dirname, "../../../shared/vectors");
const AT = Date.UTC(2025, 6, 1);
const WARM_UP = 20;

/** Two verifications of one sample; `theirs` is null where there is nothing to compare with. */
interface Subject {
    readonly name: string;
    readonly ours: () => boolean;
    readonly theirs: (() => boolean) | null;
}

const read = (name: string): Buffer => readFileSync(join(folder, name));

function verification<E, C, V, K extends Claims, P, R>(type: EvidenceType<E, C, V, K, P, R>, evidence: Uint8Array, collateral: readonly Uint8Array[], policy: Record<string, unknown>): () => boolean {
    const trust = parseTrust(policy);
    return () => verifyEvidence(type, evidence, collateral, { trust, roots: { assurance: "hardware" }, at: AT, reportData: null, references: null }).accepted;
}

function theirs(quote: Buffer, file: Buffer, status: string): () => boolean {
    const verifier = QuoteVerifier.newProd();
    // JSON is parsed each time, as ours reads the file each time.
    return () => verifier.verify(quote, JSON.parse(file.toString("utf8")) as Collateral, AT / 1000).status === status;
}

function subjects(): Subject[] {
    const sgx = { quote: read("sgx-quote-v3.bin"), file: read("sgx-quote-v3.collateral.json") };
    // The sample's file carries 70 bytes after the quote.
    const tdx = { quote: read("tdx-quote-v4.bin").subarray(0, 4936), file: read("tdx-quote-v4.collateral.json") };
    const snp = { report: evidenceOfFile(read("snp-report-milan.hex")), files: [read("snp-vcek-milan.der"), read("snp-cert-chain-milan.pem")] };
    const status = "ConfigurationAndSWHardeningNeeded";
    return [
        {
            name: "SGX quote v3",
            ours: verification(evidenceTypes.sgx, sgx.quote, [sgx.file], { sgx: { tcbStatuses: [status], advisories: ["INTEL-SA-00289", "INTEL-SA-00615"] } }),
            theirs: theirs(sgx.quote, sgx.file, status),
        },
        { name: "TDX quote v4", ours: verification(evidenceTypes.tdx, tdx.quote, [tdx.file], {}), theirs: theirs(tdx.quote, tdx.file, "UpToDate") },
        { name: "SNP report (Milan)", ours: verification(evidenceTypes.snp, snp.report, snp.files, { snp: { revocation: "optional" } }), theirs: null },
    ];
}

function timed(verify: () => boolean): number {
    const start = process.hrtime.bigint();
    const accepted = verify();
    const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
    if (!accepted) {
        throw new Error("a genuine sample was refused, so that its time would say nothing");
    }
    return milliseconds;
}

/** Median and 95th percentile of each, taken in turn so that both meet the same load. */
function measure({ ours, theirs: other }: Subject, rounds: number): { ours: number[]; theirs: number[] } {
    const times = { ours: [] as number[], theirs: [] as number[] };
    for (let round = -WARM_UP; round < rounds; round++) {
        const pair = { ours: timed(ours), theirs: other === null ? NaN : timed(other) };
        if (round >= 0) {
            times.ours.push(pair.ours);
            times.theirs.push(pair.theirs);
        }
    }
    return times;
}

function row(subject: Subject, rounds: number): string[] {
    const times = measure(subject, rounds);
    const cells = (of: readonly number[]) => [0.5, 0.95].map((share) => `${quantile(of, share).toFixed(2)} ms`);
    const compared = subject.theirs === null ? ["", "", ""] : [...cells(times.theirs), `${(quantile(times.theirs, 0.5) / quantile(times.ours, 0.5)).toFixed(2)}×`];
    return [subject.name, ...cells(times.ours), ...compared];
}

/** Prints the table, where there are samples. */
export function attest({ quick }: Options): Promise<void> {
    if (!existsSync(folder)) {
        console.log(`\nNo samples of evidence in ${folder}\n  next: set AUTHENTIC_VECTORS to the folder that holds them`);
        return Promise.resolve();
    }
    const rounds = quick ? 50 : 200;
    print(`Verification of evidence (${rounds} each, after ${WARM_UP} to warm up)`, ["evidence", "median", "p95", "dcap-qvl", "p95", "dcap-qvl to ours"], subjects().map((subject) => row(subject, rounds)));
    return Promise.resolve();
}
