// `authentic verify`: a stand-alone verifier of attestation evidence.

import { Command, Option } from "commander";
import { instant } from "../attest/clock";
import { evidenceOfFile } from "../attest/container";
import type { Claims, EvidenceName, EvidenceType, RootSet, Verdict } from "../attest/evidence";
import { explain } from "../attest/explain";
import { parseTrust } from "../attest/policy";
import { evidenceTypes } from "../attest/registry";
import { EvidenceRefused } from "../attest/refusal";
import { verifyEvidence } from "../attest/verifier";
import { readX509Files } from "../attest/x509/files";
import { AuthenticError } from "../errors";
import { enrollKeys } from "./enrolled-keys";
import { ExitCode } from "./exit-code";
import { readInput, readJson } from "./files";

/** Types that a file can hold: not `none`, which has no evidence, nor `sancus`, whose key would have to be given. */
const TYPES = ["sgx", "tdx", "snp", "psa", "keystone", "optee"] as const satisfies readonly EvidenceName[];

/** Options of the command, as commander collects them. */
interface VerifyOptions {
    readonly type: (typeof TYPES)[number];
    readonly collateral?: readonly string[];
    readonly key?: readonly string[];
    readonly instance?: readonly string[];
    readonly root?: readonly string[];
    readonly policy?: string;
    readonly references?: string;
    readonly reportData?: string;
    readonly time: string;
    readonly json?: boolean;
}

// The generic parameters differ for each type; the verifier only passes its own values from step to step.
type AnyEvidenceType = EvidenceType<unknown, unknown, unknown, Claims, unknown, unknown>;

const EXAMPLES = `
Examples:
  An SGX quote, with the collateral that Intel's service gave for it:
    $ authentic verify quote.bin --type sgx --collateral collateral.json --time 2025-07-01T00:00:00Z

  A SEV-SNP report (binary or hexadecimal) with VCEK, AMD's chain and revocation list:
    $ authentic verify report.bin --type snp --collateral vcek.der --collateral chain.pem --collateral crl.der \\
        --time 2025-07-01T00:00:00Z

  A PSA token of an enrolled device, under a policy, for the nonce that was sent, as JSON:
    $ authentic verify token.cbor --type psa --key device.pem --policy trust.json --report-data 5a31… \\
        --time 2025-07-01T00:00:00Z --json

  The policy is the value of authentic:trust as JSON, for instance {"snp": {"revocation": "optional"}}.

Exit codes: 0 accepted, 3 refused, 2 the call cannot be carried out.`;

const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [...(previous ?? []), value];

/**
 * The subcommand.
 *
 * @param exit - called with the exit code of a call that could be carried out
 */
export function verifyCommand(exit: (code: number) => void): Command {
    return new Command("verify")
        .description("verify attestation evidence, offline, at a given time, and say what it shows and why it is refused")
        .argument("<file>", "the evidence: binary, or its hexadecimal digits")
        .addOption(new Option("--type <type>", "evidence type").choices(TYPES).makeOptionMandatory())
        .option("--collateral <file>", "collateral JSON, or certificates and revocation lists as PEM or DER (repeatable)", collect)
        .option("--key <file>", "public key of an enrolled device, for psa, keystone and optee (repeatable)", collect)
        .option("--instance <hex>", "instance id of the device of each --key, for PSA tokens that precede RFC 9783 (repeatable)", collect)
        .option("--root <file>", "root of an emulator, certificate or public key, instead of the vendor's (repeatable)", collect)
        .option("--policy <file>", "policy: the value of authentic:trust, as JSON; without one the strictest applies")
        .option("--references <file>", "reference values of the attester, as JSON; without them its code is not compared")
        .option("--report-data <hex>", "what the evidence has to be bound to, at full width; without it the binding is not compared")
        .requiredOption("--time <instant>", "verification time, as 2025-07-01T00:00:00Z")
        .option("--json", "print {accepted, status, advisories, claims, reasons, unchecked} as JSON")
        .addHelpText("after", EXAMPLES)
        .action((file: string, options: VerifyOptions) => {
            const verdict = verifyFile(file, options);
            const output = options.json === true ? JSON.stringify(verdict, null, 2) : explain(options.type, verdict).join("\n");
            process.stdout.write(`${output}\n`);
            exit(verdict.accepted ? ExitCode.done : ExitCode.refused);
        });
}

function verifyFile(file: string, options: VerifyOptions): Verdict {
    const at = instant(options.time);
    if (at === null) {
        throw new AuthenticError("AE-ATTEST-TIME", `"${options.time}" is not an instant`, "write --time as 2025-07-01T00:00:00Z");
    }
    const policy = parseTrust(options.policy === undefined ? {} : readJson(options.policy, "policy"));
    const trust = enrollKeys(policy, options.type, options.key ?? [], options.instance ?? []);
    const expected = options.reportData === undefined ? null : reportData(options.reportData);
    const type = evidenceTypes[options.type] as unknown as AnyEvidenceType;
    const verdict = verifyEvidence(type, evidenceOfFile(readInput(file, "evidence")), (options.collateral ?? []).map((path) => readInput(path, "collateral")), {
        trust,
        roots: rootsOf(options.root ?? []),
        at,
        reportData: null,
        references: options.references === undefined ? null : readJson(options.references, "reference values"),
    });
    return expected === null ? verdict : bind(verdict, expected);
}

function reportData(text: string): string {
    if (!/^(?:[0-9a-f]{2}){32,64}$/.test(text)) {
        throw new AuthenticError("AE-CLI-REPORT-DATA", "--report-data is not 32 to 64 bytes in lower-case hexadecimal", "give the whole value that the evidence carries");
    }
    return text;
}

// Protocols compute 64 bytes; a token for somebody else's nonce may carry fewer. Either way all of them are compared.
function bind(verdict: Verdict, expected: string): Verdict {
    const unchecked = verdict.unchecked.filter((what) => what !== "reportData");
    const found = verdict.claims?.reportData;
    if (found === undefined || found === expected) {
        return { ...verdict, unchecked };
    }
    const reason = { code: "AE-ATTEST-BINDING", claim: "reportData", found, required: expected, setting: null } as const;
    return { ...verdict, accepted: false, reasons: [...verdict.reasons, reason], unchecked };
}

function rootsOf(paths: readonly string[]): RootSet {
    if (paths.length === 0) {
        return { assurance: "hardware" };
    }
    try {
        return { assurance: "emulated", anchors: readX509Files(paths.map((path) => readInput(path, "root"))).map(({ der }) => der) };
    } catch (error) {
        if (error instanceof EvidenceRefused) {
            throw new AuthenticError("AE-CLI-ROOT", `a root cannot be used (${error.message})`, "give a certificate or public key, PEM or DER", { cause: error });
        }
        throw error;
    }
}
