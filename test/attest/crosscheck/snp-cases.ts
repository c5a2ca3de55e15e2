// SEV-SNP: well-formed reports of every version, product and key, the genuine Milan report, and one defect at a time.
import type { AmdProduct } from "../../../provider/attest/collateral/kds";
import { evidenceOfFile } from "../../../provider/attest/container";
import { snp } from "../../../provider/attest/snp";
import { decodePem } from "../../../provider/attest/x509/pem";
import { appraise } from "../appraising";
import { ARC, keyPair, listFields, NOW, revocationList } from "../snp/authority";
import { At, buildReport, type ReportOptions } from "../snp/report";
import { replaceExtension, run, world, type World } from "../snp/world";
import { describeVerdict, hexOf, type Case, type Known } from "./case";

// What the policy or the reference values decide is no refusal of the evidence.
const appraisal = (): boolean => true;

interface Row {
    readonly name: string;
    readonly report?: ReportOptions;
    readonly world?: World;
    readonly at?: number;
    /** Changes the report after it was signed. */
    readonly alter?: (report: Buffer) => void;
}

const YEAR = 365 * 86_400_000;
const PRODUCTS: readonly AmdProduct[] = ["Milan", "Genoa", "Turin"];

const wellFormed: readonly Row[] = PRODUCTS.flatMap((product) => (["VCEK", "VLEK"] as const).flatMap((key) => [2, 3, 4, 5].map((version): Row => ({
    name: `${product}, ${key}, version ${version}`, report: { product, key, version }, world: { product, key },
}))));

const defects: readonly Row[] = [
    { name: "a report signed by another key", report: { signer: keyPair("other", "P-384").privateKey } },
    { name: "a changed measurement", alter: (report) => { report[At.measurement]! ^= 1; } },
    { name: "a changed signature", alter: (report) => { report[At.signature]! ^= 1; } },
    { name: "signature padding that is set", alter: (report) => { report[At.signature + 48] = 1; } },
    { name: "bytes after the signature that are set", alter: (report) => { report[At.signature + 144] = 1; } },
    { name: "version 1", report: { change: (report) => { report.writeUInt32LE(1, At.version); } } },
    { name: "version 6", report: { change: (report) => { report.writeUInt32LE(6, At.version); } } },
    { name: "another signature algorithm", report: { change: (report) => { report.writeUInt32LE(2, At.algorithm); } } },
    { name: "reserved bytes before the signature that are set", report: { change: (report) => { report[At.signature - 1] = 1; } } },
    { name: "policy bit 17 clear", report: { change: (report) => { report.writeBigUInt64LE(0x10000n, At.policy); } } },
    { name: "a reserved bit of the policy", report: { change: (report) => { report.writeBigUInt64LE(0x8000000000030000n, At.policy); } } },
    { name: "a reserved bit of the platform information", report: { change: (report) => { report.writeBigUInt64LE(0x8000000000000021n, At.platformInfo); } } },
    { name: "a reserved bit of the flags", report: { change: (report) => { report.writeUInt32LE(0x20, At.flags); } } },
    { name: "a report that says VLEK, signed by a VCEK", report: { change: (report) => { report.writeUInt32LE(4, At.flags); } } },
    { name: "a processor of another product", report: { change: (report) => { report.set([0x19, 0x11, 1], At.cpuid); } } },
    { name: "Turin's processor with Milan's layout and chain", report: { change: (report) => { report.set([0x1a, 0x02, 1], At.cpuid); } } },
    { name: "another chip than the certificate's", report: { change: (report) => { report[At.chipId]! ^= 1; } } },
    { name: "a TCB other than the certificate's", report: { change: (report) => { report[At.reportedTcb]! += 1; } } },
    { name: "a leaf without hwID", world: { change: ({ leaf }) => ({ leaf: replaceExtension(leaf, `${ARC}.4`, null) }) } },
    { name: "a leaf of another product's name", world: { change: ({ leaf }) => ({ leaf: { ...leaf, subject: "SEV-VLEK" } }) } },
    { name: "a leaf whose issuer's name is not its issuer's", world: { change: ({ leaf }) => ({ leaf: { ...leaf, issuer: "SEV-Genoa" } }) } },
    { name: "a leaf signed by the root", world: { change: ({ leaf, root }) => ({ leaf: { ...leaf, signer: root.signer } }) } },
    { name: "an ASK signed by itself", world: { change: ({ authority }) => ({ authority: { ...authority, signer: keyPair("ASK", "rsa").privateKey } }) } },
    { name: "an ASK that is no CA", world: { change: ({ authority }) => ({ authority: { ...authority, extensions: [] } }) } },
    { name: "a revoked ASK", world: { list: revocationList({ ...listFields("Milan"), revoked: [0x10001] }) } },
    { name: "no revocation list", world: { list: null } },
    { name: "an expired revocation list", world: { list: revocationList({ ...listFields("Milan"), nextUpdate: NOW - 1000 }) } },
    { name: "after the certificates' validity", at: NOW + 2 * YEAR },
    { name: "before the certificates' validity", at: NOW - 2 * YEAR },
];

/** Reports and hierarchies of the tests. */
export function snpCases(): Case[] {
    return [...wellFormed, ...defects].map(({ name, report: options, world: choice, at, alter }) => {
        const { files, collateral, roots } = world(choice);
        const report = buildReport(options);
        alter?.(report);
        const verdict = run(report, { collateral, roots, at: at ?? NOW });
        return {
            name: `snp: ${name}`,
            ours: describeVerdict(verdict, appraisal),
            detail: verdict.reasons.map(({ claim }) => claim).join(", "),
            request: { kind: "snp", report: hexOf(report), leaf: hexOf(files.leaf), authority: hexOf(files.authority), root: hexOf(files.root) },
        };
    });
}

/** The genuine report as it is. */
export function genuineSnpCases(read: (name: string) => Uint8Array): Case[] {
    const report = evidenceOfFile(read("snp-report-milan.hex"));
    const [leaf, chain] = [read("snp-vcek-milan.der"), read("snp-cert-chain-milan.pem")];
    const [authority, root] = decodePem(Buffer.from(chain).toString("latin1"), "CERTIFICATE", "chain");
    const verdict = appraise(snp, report, { collateral: [leaf, chain], policy: { revocation: "optional" } });
    return [{
        name: "snp: the genuine Milan report",
        ours: describeVerdict(verdict, appraisal),
        detail: "",
        request: { kind: "snp", report: hexOf(report), leaf: hexOf(leaf), authority: hexOf(authority!), root: hexOf(root!) },
    }];
}

const LEFT = { right: "ours", why: "theirs verifies signatures and leaves this to its caller" } as const;
const RESERVED = { right: "ours", why: "reserved bits are zero (AMD 56860); theirs carries them along" } as const;

/** Disagreements by the name of the case. */
export const snpKnown: Readonly<Record<string, Known>> = {
    "snp: signature padding that is set": { right: "ours", why: "nothing signs these bytes; theirs never reads them" },
    "snp: bytes after the signature that are set": { right: "ours", why: "as above" },
    "snp: version 6": { right: "ours", why: "theirs reads every later version as version 5; its layout is not known yet" },
    "snp: another signature algorithm": { right: "ours", why: "1 is the only algorithm (AMD 56860, table 139); theirs does not read the field" },
    "snp: policy bit 17 clear": { right: "ours", why: "the bit is reserved and must be one (AMD 56860, table 10)" },
    "snp: a reserved bit of the policy": RESERVED,
    "snp: a reserved bit of the platform information": RESERVED,
    "snp: a reserved bit of the flags": RESERVED,
    "snp: a report that says VLEK, signed by a VCEK": LEFT,
    "snp: a processor of another product": LEFT,
    "snp: another chip than the certificate's": LEFT,
    "snp: a TCB other than the certificate's": LEFT,
    "snp: a leaf without hwID": LEFT,
    "snp: a leaf of another product's name": LEFT,
    "snp: a leaf whose issuer's name is not its issuer's": { right: "ours", why: "RFC 5280, 6.1.3 (a)(4)" },
    "snp: an ASK that is no CA": { right: "ours", why: "RFC 5280, 6.1.4 (k)" },
    "snp: a revoked ASK": LEFT,
    "snp: no revocation list": LEFT,
    "snp: an expired revocation list": LEFT,
    "snp: after the certificates' validity": LEFT,
    "snp: before the certificates' validity": LEFT,
};
