// A whole Intel-like world for one quote: authorities, platform, collateral, quote. Everything is well-formed and
// accepted by the strictest policy until a test changes one thing; then everything is signed anew.
import { encodePem } from "../../../provider/attest/x509/pem";
import { writeDcapFile } from "../../../provider/attest/dcap/collateral";
import type { PcsCollateral } from "../../../provider/attest/collateral/pcs";
import { Keyring, signRaw } from "./keys";
import { pckExtension, type PckFacts } from "./pck-extension";
import { reportBody, signQuote, tdBody, type QuoteFields, type ReportFields, type TdFields } from "./quote";
import { authority, endEntity, issueCertificate, issueRevocationList, signsCertificates, signsData, type CertificateSpec, type RevocationListSpec } from "./x509";

/** One component's security version. */
export interface ComponentJson { svn: number }

/** A TCB level; `isvsvn` is that of enclaves and modules, the others belong to platforms. */
export interface LevelJson<Tcb> { tcb: Tcb; tcbDate: string; tcbStatus: string; advisoryIDs?: string[] }

export interface PlatformTcbJson { sgxtcbcomponents: ComponentJson[]; pcesvn: number; tdxtcbcomponents?: ComponentJson[] }

export interface ModuleTcbJson { isvsvn: number }

/** A signed document with two levels; members that tests leave alone or invent are in the index. */
export interface DocumentJson<Tcb> {
    [member: string]: unknown;
    id: string;
    issueDate: string;
    nextUpdate: string;
    tcbEvaluationDataNumber: number;
    tcbLevels: [LevelJson<Tcb>, LevelJson<Tcb>];
}

export interface ModuleIdentityJson { id: string; mrsigner: string; attributes: string; attributesMask: string; tcbLevels: [LevelJson<ModuleTcbJson>, LevelJson<ModuleTcbJson>] }

export interface TcbInfoJson extends DocumentJson<PlatformTcbJson> { tdxModuleIdentities?: [ModuleIdentityJson] }

export type QeIdentityJson = DocumentJson<ModuleTcbJson>;

/** The verification time of these tests, inside every validity. */
export const NOW = Date.UTC(2026, 2, 1);
const DAY = 86_400_000;

/** Everything that goes into one quote and its collateral. */
export interface World {
    readonly keys: Keyring;
    root: CertificateSpec;
    pckCa: CertificateSpec;
    pck: CertificateSpec;
    tcbSigning: CertificateSpec;
    facts: PckFacts;
    rootCrl: RevocationListSpec;
    pckCrl: RevocationListSpec;
    tcbInfo: TcbInfoJson;
    qeIdentity: QeIdentityJson;
    /** Key that signs the two JSON documents. */
    jsonSigner: string;
    quote: QuoteFields;
    body: ReportFields;
    td: TdFields | null;
    /** Last changes to what was built, for defects of the encoding. */
    alter: {
        certificates?: (chain: Uint8Array[]) => Uint8Array[];
        pckChain?: (pem: string) => string;
        collateral?: (collateral: PcsCollateral) => PcsCollateral;
        quote?: (quote: Uint8Array) => Uint8Array;
    };
}

/** What a world produces. */
export interface Built {
    readonly quote: Uint8Array;
    readonly collateral: PcsCollateral;
    /** Collateral as a file. */
    readonly file: Uint8Array;
    /** The root certificate, DER, to be pinned. */
    readonly root: Uint8Array;
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const iso = (at: number): string => new Date(at).toISOString().replace(".000Z", "Z");
const dated = () => ({ issueDate: iso(NOW - DAY), nextUpdate: iso(NOW + 29 * DAY), tcbEvaluationDataNumber: 17 });

function certificate(subject: string, issuer: string, key: string, signer: string, serial: string, extensions: CertificateSpec["extensions"]): CertificateSpec {
    return { subject, issuer, key, signer, serial: bytes(serial), notBefore: NOW - 100 * DAY, notAfter: NOW + 1000 * DAY, extensions };
}

function list(issuer: string, signer: string): RevocationListSpec {
    return { issuer, signer, thisUpdate: NOW - DAY, nextUpdate: NOW + 29 * DAY, revoked: [bytes("7e01")], extensions: [] };
}

const COMPONENTS = [4, 4, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
const svns = (values: readonly number[]): ComponentJson[] => values.map((svn) => ({ svn }));

/** A world with a platform CA and an enclave. */
export function sgxWorld(): World {
    return {
        keys: new Keyring(),
        root: certificate("Intel SGX Root CA", "Intel SGX Root CA", "root", "root", "22650cd6", [signsCertificates, authority(1)]),
        pckCa: certificate("Intel SGX PCK Platform CA", "Intel SGX Root CA", "pckCa", "root", "956f5dcd", [signsCertificates, authority(0)]),
        pck: certificate("Intel SGX PCK Certificate", "Intel SGX PCK Platform CA", "pck", "pckCa", "3c16ed54", [signsData, endEntity]),
        tcbSigning: certificate("Intel SGX TCB Signing", "Intel SGX Root CA", "tcbSigning", "root", "7e3882d5", [signsData, endEntity]),
        facts: {
            ppid: bytes("a0".repeat(16)), components: [...COMPONENTS], pceSvn: 13, pceId: bytes("0000"), fmspc: bytes("00a067110000"), sgxType: 1,
            platform: { instanceId: bytes("b1".repeat(16)), dynamicPlatform: false, cachedKeys: false, smtEnabled: true },
        },
        rootCrl: list("Intel SGX Root CA", "root"),
        pckCrl: list("Intel SGX PCK Platform CA", "pckCa"),
        tcbInfo: {
            id: "SGX", version: 3, ...dated(), fmspc: "00A067110000", pceId: "0000", tcbType: 0,
            tcbLevels: [
                { tcb: { sgxtcbcomponents: svns(COMPONENTS), pcesvn: 13 }, tcbDate: "2025-03-12T00:00:00Z", tcbStatus: "UpToDate" },
                { tcb: { sgxtcbcomponents: svns(COMPONENTS.map((svn) => Math.max(0, svn - 1))), pcesvn: 11 }, tcbDate: "2023-02-15T00:00:00Z", tcbStatus: "OutOfDate", advisoryIDs: ["INTEL-SA-00828"] },
            ],
        },
        qeIdentity: {
            id: "QE", version: 2, ...dated(), miscselect: "00000000", miscselectMask: "FFFFFFFF",
            attributes: "11000000000000000000000000000000", attributesMask: "FBFFFFFFFFFFFFFF0000000000000000",
            mrsigner: "8C".repeat(32), isvprodid: 1,
            tcbLevels: [
                { tcb: { isvsvn: 8 }, tcbDate: "2025-03-12T00:00:00Z", tcbStatus: "UpToDate" },
                { tcb: { isvsvn: 6 }, tcbDate: "2023-02-15T00:00:00Z", tcbStatus: "OutOfDate", advisoryIDs: ["INTEL-SA-00615"] },
            ],
        },
        jsonSigner: "tcbSigning",
        quote: {
            version: 3, teeType: 0, attestationKeyType: 2, vendor: bytes("939a7233f79c4ca9940a0db3957f0607"), userData: new Uint8Array(20), bodyType: 2, bodySize: null,
            qeReport: {
                attributes: bytes("1500000000000000e700000000000000"), mrenclave: bytes("96".repeat(32)), mrsigner: bytes("8c".repeat(32)),
                isvProdId: 1, isvSvn: 8, reportData: new Uint8Array(64),
            },
            qeReportData: null, qeAuthenticationData: Uint8Array.from({ length: 32 }, (_, index) => index), authenticationDataGrowth: new Uint8Array(0),
            certificationType: 5, outerCertificationType: 6,
            attestationKey: "attestation", quoteSigner: "attestation", qeReportSigner: "pck", terminated: true,
        },
        body: {
            attributes: bytes("0500000000000000e700000000000000"), mrenclave: bytes("33".repeat(32)), mrsigner: bytes("81".repeat(32)),
            isvProdId: 7, isvSvn: 3, reportData: bytes("5a".repeat(64)),
        },
        td: null,
        alter: {},
    };
}

/** A world with a trust domain, quote version 4. */
export function tdxWorld(): World {
    const world = sgxWorld();
    const module = { mrsigner: "00".repeat(48), attributes: "00".repeat(8), attributesMask: "FF".repeat(8) };
    const [first, second] = world.tcbInfo.tcbLevels;
    const tdxTcb = [5, 0, 2, ...Array.from({ length: 13 }, () => 0)];
    const withTdx = (level: LevelJson<PlatformTcbJson>): LevelJson<PlatformTcbJson> => ({ ...level, tcb: { ...level.tcb, tdxtcbcomponents: svns(tdxTcb) } });
    world.tcbInfo = {
        ...world.tcbInfo,
        id: "TDX",
        tdxModule: module,
        tdxModuleIdentities: [{
            id: "TDX_01", ...module,
            tcbLevels: [
                { tcb: { isvsvn: 4 }, tcbDate: "2025-03-12T00:00:00Z", tcbStatus: "UpToDate" },
                { tcb: { isvsvn: 2 }, tcbDate: "2023-08-09T00:00:00Z", tcbStatus: "OutOfDate" },
            ],
        }],
        tcbLevels: [withTdx(first), withTdx(second)],
    };
    world.qeIdentity = { ...world.qeIdentity, id: "TD_QE", mrsigner: "DC".repeat(32), isvprodid: 2 };
    Object.assign(world.quote, { version: 4, teeType: 0x81 });
    Object.assign(world.quote.qeReport, { mrsigner: bytes("dc".repeat(32)), isvProdId: 2 });
    world.td = {
        teeTcbSvn: bytes("06010200000000000000000000000000"), tdAttributes: bytes("0000001000000000"), xfam: bytes("e702060000000000"),
        mrtd: bytes("91".repeat(48)), rtmr0: bytes("44".repeat(48)), reportData: bytes("5a".repeat(64)),
    };
    return world;
}

/** Issues and signs everything. */
export function build(world: World): Built {
    const { keys, alter } = world;
    const pckWithFacts = { ...world.pck, extensions: [...world.pck.extensions, { id: "1.2.840.113741.1.13.1", critical: false, value: pckExtension(world.facts) }] };
    // Issued once: ECDSA draws each signature anew, and the pinned certificate has to be the one in every chain.
    const root = issueCertificate(world.root, keys);
    const issued = [issueCertificate(pckWithFacts, keys), issueCertificate(world.pckCa, keys), root];
    const pckChain = pem(alter.certificates?.(issued) ?? issued);
    const signingChain = pem([issueCertificate(world.tcbSigning, keys), root]);
    const tcbInfo = JSON.stringify(world.tcbInfo);
    const qeIdentity = JSON.stringify(world.qeIdentity);
    const signature = (text: string): string => Buffer.from(signRaw(keys.get(world.jsonSigner), Buffer.from(text))).toString("hex");
    const documents: PcsCollateral = {
        pckCrlIssuerChain: pem([issueCertificate(world.pckCa, keys), root]),
        rootCaCrl: issueRevocationList(world.rootCrl, keys),
        pckCrl: issueRevocationList(world.pckCrl, keys),
        tcbInfoIssuerChain: signingChain,
        tcbInfo,
        tcbInfoSignature: signature(tcbInfo),
        qeIdentityIssuerChain: signingChain,
        qeIdentity,
        qeIdentitySignature: signature(qeIdentity),
    };
    const collateral = alter.collateral?.(documents) ?? documents;
    const signed = signQuote(world.quote, world.td === null ? reportBody(world.body) : tdBody(world.td), alter.pckChain?.(pckChain) ?? pckChain, keys);
    return { quote: alter.quote?.(signed) ?? signed, collateral, file: writeDcapFile(collateral), root };
}

function pem(chain: readonly Uint8Array[]): string {
    return chain.map((der) => encodePem("CERTIFICATE", der)).join("");
}
