// Fuzzing targets around SGX and TDX quotes: the X.509 core, PEM, both signed documents, quotes, and the verifiers.
import { readDcapFile } from "../../../provider/attest/dcap/collateral";
import { qeIdentitySchema, sgxTcbInfoSchema, tdxTcbInfoSchema } from "../../../provider/attest/dcap/schemas";
import { parseCanonicalJson } from "../../../provider/attest/dcap/signed-json";
import { parseTrust } from "../../../provider/attest/policy";
import { evidenceTypes } from "../../../provider/attest/registry";
import { verifyEvidence } from "../../../provider/attest/verifier";
import { parseCertificate } from "../../../provider/attest/x509/certificate";
import { parseRevocationList } from "../../../provider/attest/x509/crl";
import { decodePem } from "../../../provider/attest/x509/pem";
import { build, NOW, sgxWorld, tdxWorld, type Built } from "../pki/intel";
import type { Target } from "./fuzzing";
import { hostile, mutateJson, type Random } from "./random";
import { reader, verifier } from "./targets";

/** Half of the changes are of the text, half of the structure, for a change of the text rarely leaves JSON. */
const hostileJson = (original: Uint8Array, random: Random): Uint8Array => (random(2) === 0 ? hostile : mutateJson)(original, random);

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

function verifierOf(tee: "sgx" | "tdx", { quote, file, root }: Built): Target {
    const appraisal = { trust: parseTrust({ emulated: true }), roots: { assurance: "emulated", anchors: [root] } as const, at: NOW, reportData: null, references: null };
    return verifier(`the verifier of ${tee} evidence and collateral`, [quote, file], ([evidence, collateral]) =>
        (tee === "sgx" ? verifyEvidence(evidenceTypes.sgx, evidence!, [collateral!], appraisal) : verifyEvidence(evidenceTypes.tdx, evidence!, [collateral!], appraisal)).accepted);
}

/** Readers and verifiers, over worlds that are made once. */
export function dcapTargets(): { readonly readers: Readonly<Record<string, Target>>; readonly verifiers: Readonly<Record<string, Target>> } {
    const [sgx, tdx] = [build(sgxWorld()), build(tdxWorld())];
    const targets: readonly [name: string, original: Uint8Array, read: (bytes: Uint8Array) => unknown, input?: typeof hostile][] = [
        ["certificates", sgx.root, (bytes) => parseCertificate(bytes, "certificate")],
        ["revocation lists", sgx.collateral.pckCrl, (bytes) => parseRevocationList(bytes, "list")],
        ["PEM", Buffer.from(sgx.collateral.pckCrlIssuerChain), (bytes) => decodePem(Buffer.from(bytes).toString("latin1"), "CERTIFICATE", "chain")],
        ["SGX quotes", sgx.quote, (bytes) => evidenceTypes.sgx.parse(bytes)],
        ["TDX quotes", tdx.quote, (bytes) => evidenceTypes.tdx.parse(bytes)],
        ["collateral files", sgx.file, (bytes) => readDcapFile([bytes])],
        ["SGX TCB info", Buffer.from(sgx.collateral.tcbInfo), (bytes) => parseCanonicalJson(text(bytes), sgxTcbInfoSchema, "TCB info"), hostileJson],
        ["TDX TCB info", Buffer.from(tdx.collateral.tcbInfo), (bytes) => parseCanonicalJson(text(bytes), tdxTcbInfoSchema, "TCB info"), hostileJson],
        ["QE identities", Buffer.from(tdx.collateral.qeIdentity), (bytes) => parseCanonicalJson(text(bytes), qeIdentitySchema, "QE identity"), hostileJson],
    ];
    return {
        readers: Object.fromEntries(targets.map(([name, original, read, input]) => [name, reader(`the reader of ${name}`, original, read, input)])),
        verifiers: { sgx: verifierOf("sgx", sgx), tdx: verifierOf("tdx", tdx) },
    };
}
