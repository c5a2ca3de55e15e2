// One change of every byte of the genuine samples, asked of the crates too.
import { evidenceOfFile } from "../../../provider/attest/container";
import { snp } from "../../../provider/attest/snp";
import { evidenceTypes } from "../../../provider/attest/registry";
import { decodePem, encodePem } from "../../../provider/attest/x509/pem";
import { Appraiser } from "../changes";
import { singleByteChanges } from "../vectors";
import { hexOf } from "./case";
import type { CrateRequest } from "./crates";

/** All changes of one document. */
export interface ChangedGroup {
    readonly name: string;
    readonly acceptedByOurs: number;
    readonly requests: () => Iterable<CrateRequest>;
}

const AT = Date.UTC(2025, 6, 1);

const ROOT_IN_QUOTE = "theirs does not read the root certificate in the quote, and takes any white space in PEM";
const OUTER_ALGORITHM = "theirs does not read the parameters of the algorithm beside the signature, nor compares them with the signed ones (RFC 5280, 4.1.1.2)";

/** How many changes a crate accepts, and why that is no reason to do so too. */
export const changedKnown: Readonly<Record<string, { readonly accepted: number; readonly why: string }>> = {
    "sgx: the genuine quote": { accepted: 642, why: ROOT_IN_QUOTE },
    "tdx: the genuine quote": { accepted: 643, why: `${ROOT_IN_QUOTE}; nor does it read the type of the outer certification data` },
    "snp: the genuine report": { accepted: 432, why: "416 bytes around the signature are not read; 16 reserved bytes of TCB versions are signed, but theirs writes the report anew, with zeros, before it verifies" },
    "snp: the genuine leaf": { accepted: 58, why: OUTER_ALGORITHM },
    "snp: the genuine authority": { accepted: 57, why: OUTER_ALGORITHM },
    "snp: the genuine root": { accepted: 58, why: OUTER_ALGORITHM },
};

/** The groups of all samples. */
export function changedCases(read: (name: string) => Uint8Array): ChangedGroup[] {
    return [
        quoteGroup("sgx", read("sgx-quote-v3.bin"), read("sgx-quote-v3.collateral.json"), { sgx: { tcbStatuses: ["ConfigurationAndSWHardeningNeeded"], advisories: "any" } }),
        quoteGroup("tdx", read("tdx-quote-v4.bin").subarray(0, 4936), read("tdx-quote-v4.collateral.json"), {}),
        ...snpGroups(read),
    ];
}

function quoteGroup(tee: "sgx" | "tdx", quote: Uint8Array, file: Uint8Array, trust: Record<string, unknown>): ChangedGroup {
    const type = evidenceTypes[tee] as never;
    const appraiser = new Appraiser<unknown, unknown, unknown, never, unknown, unknown>(type, { evidence: quote, collateral: [file], at: AT, trust });
    const collateral: unknown = JSON.parse(Buffer.from(file).toString("utf8"));
    return {
        name: `${tee}: the genuine quote`,
        acceptedByOurs: [...singleByteChanges(quote)].filter(({ changed }) => appraiser.acceptsEvidence(changed)).length,
        *requests() {
            for (const { changed } of singleByteChanges(quote)) {
                yield { kind: "dcap", quote: hexOf(changed), collateral, root: "", at: AT / 1000 };
            }
        },
    };
}

function snpGroups(read: (name: string) => Uint8Array): ChangedGroup[] {
    const report = evidenceOfFile(read("snp-report-milan.hex"));
    const leaf = read("snp-vcek-milan.der");
    const [authority, root] = decodePem(Buffer.from(read("snp-cert-chain-milan.pem")).toString("latin1"), "CERTIFICATE", "chain") as [Uint8Array, Uint8Array];
    const documents = { report, leaf, authority, root };
    const chain = (ask: Uint8Array, ark: Uint8Array): Uint8Array => Buffer.from(encodePem("CERTIFICATE", ask) + encodePem("CERTIFICATE", ark));
    const appraiser = new Appraiser(snp, { evidence: report, collateral: [leaf, chain(authority, root)], at: AT, trust: { snp: { revocation: "optional" } } });
    return (["report", "leaf", "authority", "root"] as const).map((which) => ({
        name: `snp: the genuine ${which}`,
        acceptedByOurs: [...singleByteChanges(documents[which])].filter(({ changed }) => {
            const all = { ...documents, [which]: changed };
            return which === "report" ? appraiser.acceptsEvidence(changed) : appraiser.acceptsCollateral([all.leaf, chain(all.authority, all.root)]);
        }).length,
        *requests() {
            for (const { changed } of singleByteChanges(documents[which])) {
                const all = { ...documents, [which]: changed };
                yield { kind: "snp", report: hexOf(all.report), leaf: hexOf(all.leaf), authority: hexOf(all.authority), root: hexOf(all.root) };
            }
        },
    }));
}
