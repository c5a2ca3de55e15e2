// Client of the AMD KDS interface (AMD 57230): VCEK and VLEK certificates, their authorities and revocation lists.

import { hex } from "../bytes";
import { parseCertificate } from "../x509/certificate";
import { parseRevocationList } from "../x509/crl";
import { decodePem } from "../x509/pem";
import { obtain, type DocumentKind, type DocumentOptions } from "./documents";

/** Product lines with their own roots. */
export type AmdProduct = "Milan" | "Genoa" | "Turin";

/** Which endorsement key signed a report. */
export type AmdEndorsementKey = "vcek" | "vlek";

/** TCB of a report as KDS is asked for it; `fmc` exists from Turin on. */
export interface AmdTcb {
    readonly fmc?: number;
    readonly bootloader: number;
    readonly tee: number;
    readonly snp: number;
    readonly microcode: number;
}

/** What the verifiers ask of a key distribution service. */
export interface AmdKeyDistribution {
    /** DER of the VCEK for one chip (64 bytes; Turin: the first 8) and TCB: a chip has several, one a TCB. */
    vcek(product: AmdProduct, chipId: Uint8Array, tcb: AmdTcb, at: number): Promise<Uint8Array>;
    /** Canonical PEM of intermediate (ASK or ASVK) and root (ARK), in this order. */
    certificateChain(product: AmdProduct, key: AmdEndorsementKey, at: number): Promise<string>;
    /** DER of the revocation list that the ARK signs. */
    revocationList(product: AmdProduct, key: AmdEndorsementKey, at: number): Promise<Uint8Array>;
}

const TURIN_CHIP_ID_LENGTH = 8;

/** Asks AMD's service, a mirror or an emulator. */
export class KdsClient implements AmdKeyDistribution {
    /** @param baseUrl - without a final slash */
    constructor(private readonly baseUrl: string, private readonly options: DocumentOptions) {}

    vcek(product: AmdProduct, chipId: Uint8Array, tcb: AmdTcb, at: number): Promise<Uint8Array> {
        const id = hex(product === "Turin" ? chipId.subarray(0, TURIN_CHIP_ID_LENGTH) : chipId);
        const versions = [["fmcSPL", tcb.fmc], ["blSPL", tcb.bootloader], ["teeSPL", tcb.tee], ["snpSPL", tcb.snp], ["ucodeSPL", tcb.microcode]] as const;
        const query = versions.flatMap(([name, value]) => value === undefined ? [] : [`${name}=${String(value).padStart(2, "0")}`]).join("&");
        return obtain(certificate(`VCEK of chip ${id.slice(0, 16)} at ${query}`, `${this.baseUrl}/vcek/v1/${product}/${id}?${query}`), this.options, at);
    }

    certificateChain(product: AmdProduct, key: AmdEndorsementKey, at: number): Promise<string> {
        return obtain(chain(`${product} certificate chain for ${key}`, `${this.baseUrl}/${key}/v1/${product}/cert_chain`), this.options, at);
    }

    revocationList(product: AmdProduct, key: AmdEndorsementKey, at: number): Promise<Uint8Array> {
        return obtain(list(`${product} CRL for ${key}`, `${this.baseUrl}/${key}/v1/${product}/crl`), this.options, at);
    }
}

function certificate(name: string, url: string): DocumentKind<Uint8Array> {
    return {
        name,
        url,
        headers: [],
        read(body) {
            parseCertificate(body, name);
            return body;
        },
        validity(der) {
            const { notBefore, notAfter } = parseCertificate(der, name);
            return { from: notBefore, until: notAfter };
        },
    };
}

function chain(name: string, url: string): DocumentKind<string> {
    const certificates = (pem: string): Uint8Array[] => decodePem(pem, "CERTIFICATE", name);
    return {
        name,
        url,
        headers: [],
        read(body) {
            // The service may end its answer with further line ends.
            const pem = `${Buffer.from(body).toString("latin1").trimEnd()}\n`;
            certificates(pem);
            return pem;
        },
        validity(pem) {
            const parsed = certificates(pem).map((der) => parseCertificate(der, name));
            return { from: Math.max(...parsed.map(({ notBefore }) => notBefore)), until: Math.min(...parsed.map(({ notAfter }) => notAfter)) };
        },
    };
}

function list(name: string, url: string): DocumentKind<Uint8Array> {
    return {
        name,
        url,
        headers: [],
        read(body) {
            parseRevocationList(body, name);
            return body;
        },
        validity(der) {
            const { thisUpdate, nextUpdate } = parseRevocationList(der, name);
            return { from: thisUpdate, until: nextUpdate };
        },
    };
}
