// Client of the Intel PCS v4 interface: TCB information, QE identities and revocation lists.

import { z } from "zod";
import { fromHex } from "../bytes";
import { instant } from "../clock";
import { parseCanonicalJson } from "../dcap/signed-json";
import { malformed } from "../refusal";
import { parseRevocationList } from "../x509/crl";
import { decodePem } from "../x509/pem";
import { obtain, type DocumentKind, type DocumentOptions } from "./documents";

/** The authorities that issue PCK certificates: for single-package and for multi-package platforms. */
export type PckCa = "processor" | "platform";

/** Documents as the service gives them, not yet believed. */
export interface PcsCollateral {
    readonly pckCrlIssuerChain: string;
    readonly rootCaCrl: Uint8Array;
    readonly pckCrl: Uint8Array;
    readonly tcbInfoIssuerChain: string;
    readonly tcbInfo: string;
    readonly tcbInfoSignature: string;
    readonly qeIdentityIssuerChain: string;
    readonly qeIdentity: string;
    readonly qeIdentitySignature: string;
}

/** What the verifiers ask of a provisioning service. */
export interface IntelProvisioning {
    /**
     * @param tee - whose TCB information and quoting enclave
     * @param fmspc - 12 lower-case hexadecimal digits
     * @param ca - the authority that issued the PCK certificate
     * @param at - time at which the documents have to be valid, milliseconds
     */
    collateral(tee: "sgx" | "tdx", fmspc: string, ca: PckCa, at: number): Promise<PcsCollateral>;
}

const INTEL_API = "https://api.trustedservices.intel.com";
const INTEL_ROOT_CRL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

interface SignedText {
    readonly text: string;
    readonly signature: string;
    readonly chain: string;
    readonly issueDate: string;
    readonly nextUpdate: string;
}

interface ListWithChain {
    readonly list: Uint8Array;
    readonly chain: string;
}

/** Asks Intel's service, a caching service (PCCS) or an emulator: all have the same interface. */
export class PcsClient implements IntelProvisioning {
    private readonly rootCrlUrl: string;

    /**
     * @param baseUrl - without a final slash
     * @param rootCrlUrl - the root CA's list; null for the usual place of that service
     */
    constructor(private readonly baseUrl: string, rootCrlUrl: string | null, private readonly options: DocumentOptions) {
        this.rootCrlUrl = rootCrlUrl ?? (baseUrl === INTEL_API ? INTEL_ROOT_CRL : `${baseUrl}/sgx/certification/v4/rootcacrl`);
    }

    async collateral(tee: "sgx" | "tdx", fmspc: string, ca: PckCa, at: number): Promise<PcsCollateral> {
        const root = `${this.baseUrl}/${tee}/certification/v4`;
        const [tcbInfo, qeIdentity, pckCrl, rootCaCrl] = await all([
            obtain(signedJson(`TCB info of FMSPC ${fmspc}`, `${root}/tcb?fmspc=${fmspc}`, "tcbInfo", "tcb-info-issuer-chain"), this.options, at),
            obtain(signedJson("QE identity", `${root}/qe/identity`, "enclaveIdentity", "sgx-enclave-identity-issuer-chain"), this.options, at),
            obtain(pckList(`${this.baseUrl}/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`), this.options, at),
            obtain(rootList(this.rootCrlUrl), this.options, at),
        ] as const);
        return {
            pckCrlIssuerChain: pckCrl.chain,
            rootCaCrl,
            pckCrl: pckCrl.list,
            tcbInfoIssuerChain: tcbInfo.chain,
            tcbInfo: tcbInfo.text,
            tcbInfoSignature: tcbInfo.signature,
            qeIdentityIssuerChain: qeIdentity.chain,
            qeIdentity: qeIdentity.text,
            qeIdentitySignature: qeIdentity.signature,
        };
    }
}

/** Waits for all, so that nothing goes on after a failure; the first failure in the order given is thrown. */
async function all<T extends readonly Promise<unknown>[]>(promises: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
    await Promise.allSettled(promises);
    return await Promise.all(promises);
}

const dates = z.object({ issueDate: z.string(), nextUpdate: z.string() });

/** `{"<member>":{…},"signature":"…"}`: the canonical form makes the signed bytes recoverable from the parsed value. */
function signedJson(name: string, url: string, member: "tcbInfo" | "enclaveIdentity", chainHeader: string): DocumentKind<SignedText> {
    const schema = z.strictObject({ [member]: z.unknown(), signature: z.string() });
    return {
        name,
        url,
        headers: [chainHeader],
        read(body, headers) {
            const answer = parseCanonicalJson(Buffer.from(body).toString("utf8"), schema, name) as Record<string, unknown>;
            const text = JSON.stringify(answer[member]);
            const { issueDate, nextUpdate } = parseCanonicalJson(text, dates, name);
            return { text, signature: String(answer["signature"]), chain: readChain(headers, chainHeader, name), issueDate, nextUpdate };
        },
        validity: ({ issueDate, nextUpdate }) => ({ from: instant(issueDate) ?? NaN, until: instant(nextUpdate) ?? NaN }),
    };
}

function pckList(url: string): DocumentKind<ListWithChain> {
    const header = "sgx-pck-crl-issuer-chain";
    return {
        name: "PCK CRL",
        url,
        headers: [header],
        read: (body, headers) => ({ list: readList(body, "PCK CRL"), chain: readChain(headers, header, "PCK CRL") }),
        validity: ({ list }) => listValidity(list, "PCK CRL"),
    };
}

function rootList(url: string): DocumentKind<Uint8Array> {
    return {
        name: "root CA CRL",
        url,
        headers: [],
        read: (body) => readList(body, "root CA CRL"),
        validity: (list) => listValidity(list, "root CA CRL"),
    };
}

const DER_SEQUENCE = 0x30;

/** Intel answers DER; caching services answer the same in hexadecimal. */
function readList(body: Uint8Array, name: string): Uint8Array {
    const der = body[0] === DER_SEQUENCE ? body : fromHex(Buffer.from(body).toString("latin1"), name);
    parseRevocationList(der, name);
    return der;
}

function listValidity(list: Uint8Array, name: string): { from: number; until: number } {
    const { thisUpdate, nextUpdate } = parseRevocationList(list, name);
    return { from: thisUpdate, until: nextUpdate };
}

/** Issuer chains come percent-encoded in a header. */
function readChain(headers: Readonly<Record<string, string>>, header: string, name: string): string {
    const encoded = headers[header];
    if (encoded === undefined) {
        throw malformed(`${name}: header ${header}`, "absent", "a percent-encoded certificate chain");
    }
    let pem: string;
    try {
        pem = decodeURIComponent(encoded);
    } catch {
        throw malformed(`${name}: header ${header}`, "no percent-encoded text", "a percent-encoded certificate chain");
    }
    decodePem(pem, "CERTIFICATE", `${name} issuer chain`);
    return pem;
}
