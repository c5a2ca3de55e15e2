// A stand-in for AMD's key distribution: roots, intermediates, leaves and revocation lists, each with one defect at will.
import { constants, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import type { AmdProduct } from "../../../provider/attest/collateral/kds";
import { bits, ia5, int, octets, oid, RSA_PSS_SHA384, seq, set, tlv, TRUE, utcTime, utf8 } from "./der";

/** One extension: its object identifier, content and criticality. */
export interface TestExtension {
    readonly id: string;
    readonly value: Uint8Array;
    readonly critical?: boolean;
}

/** What a test certificate says. */
export interface TestCertificate {
    readonly subject: string;
    readonly issuer: string;
    readonly publicKey: KeyObject;
    readonly signer: KeyObject;
    readonly serial: number;
    readonly notBefore: number;
    readonly notAfter: number;
    readonly extensions: readonly TestExtension[];
}

export interface KeyPair {
    readonly publicKey: KeyObject;
    readonly privateKey: KeyObject;
}

const YEAR = 365 * 24 * 3600 * 1000;
/** The verification time of these tests. */
export const NOW = Date.UTC(2025, 6, 1);
export const ARC = "1.3.6.1.4.1.3704.1";

// RSA-4096 keys take a second or two to make, so all tests of a run share them.
const keys = new Map<string, KeyPair>();

/** A key pair by name: the same for the whole run. */
export function keyPair(name: string, type: "rsa" | "P-384" | "P-256"): KeyPair {
    const existing = keys.get(name);
    if (existing !== undefined) {
        return existing;
    }
    const pair = type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 4096 }) : generateKeyPairSync("ec", { namedCurve: type });
    keys.set(name, pair);
    return pair;
}

const name = (commonName: string): Uint8Array =>
    seq(set(seq(oid("2.5.4.10"), utf8("Test Micro Devices"))), set(seq(oid("2.5.4.3"), utf8(commonName))));

const spki = (key: KeyObject): Uint8Array => key.export({ format: "der", type: "spki" });

function pssSign(key: KeyObject, message: Uint8Array): Uint8Array {
    return sign("sha384", message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 });
}

/** DER of a certificate. */
export function certificate(fields: TestCertificate): Uint8Array {
    const extensions = fields.extensions.map(({ id, value, critical }) => seq(oid(id), ...(critical === true ? [TRUE] : []), octets(value)));
    const signed = seq(
        tlv(0xa0, int(2)), int(fields.serial), RSA_PSS_SHA384, name(fields.issuer), seq(utcTime(fields.notBefore), utcTime(fields.notAfter)),
        name(fields.subject), spki(fields.publicKey), tlv(0xa3, seq(...extensions)),
    );
    return seq(signed, RSA_PSS_SHA384, bits(pssSign(fields.signer, signed)));
}

/** What a test revocation list says. */
export interface TestList {
    readonly issuer: string;
    readonly signer: KeyObject;
    readonly thisUpdate: number;
    readonly nextUpdate: number;
    readonly revoked: readonly number[];
}

/** DER of a revocation list. */
export function revocationList(fields: TestList): Uint8Array {
    const entries = fields.revoked.map((serial) => seq(int(serial), utcTime(fields.thisUpdate)));
    const signed = seq(int(1), RSA_PSS_SHA384, name(fields.issuer), utcTime(fields.thisUpdate), utcTime(fields.nextUpdate),
        ...(entries.length === 0 ? [] : [seq(...entries)]), tlv(0xa0, seq(seq(oid("2.5.29.20"), octets(int(1))))));
    return seq(signed, RSA_PSS_SHA384, bits(pssSign(fields.signer, signed)));
}

const CA_EXTENSIONS = (usage: number, pathLength?: number): TestExtension[] => [
    { id: "2.5.29.15", critical: true, value: bits(Uint8Array.of(usage), 1) },
    { id: "2.5.29.19", critical: true, value: seq(TRUE, ...(pathLength === undefined ? [] : [int(pathLength)])) },
];

const validity = { notBefore: NOW - YEAR, notAfter: NOW + YEAR };

/** Versions of a TCB by component. */
export type TestTcb = Readonly<Record<string, number>>;

const ARCS: Readonly<Record<string, number>> = { bootloader: 1, tee: 2, snp: 3, microcode: 8, fmc: 9 };
export const MILAN_TCB: TestTcb = { bootloader: 3, tee: 1, snp: 8, microcode: 115 };
export const TURIN_TCB: TestTcb = { fmc: 2, bootloader: 3, tee: 1, snp: 8, microcode: 115 };

/** Extensions of a leaf. */
export function leafExtensions(product: AmdProduct, key: "VCEK" | "VLEK", hardwareId: Uint8Array): TestExtension[] {
    const tcb = product === "Turin" ? TURIN_TCB : MILAN_TCB;
    return [
        { id: `${ARC}.1`, value: int(product === "Turin" ? 1 : 0) },
        { id: `${ARC}.2`, value: ia5(key === "VCEK" ? `${product}-B0` : product) },
        ...Object.entries(tcb).map(([component, version]) => ({ id: `${ARC}.3.${ARCS[component] ?? 0}`, value: int(version) })),
        ...[4, 5, 6, 7].map((arc) => ({ id: `${ARC}.3.${arc}`, value: int(0) })),
        ...(key === "VCEK" ? [{ id: `${ARC}.4`, value: hardwareId }] : [{ id: `${ARC}.5`, value: ia5("Test Cloud") }]),
    ];
}

/** The fields of each certificate of a well-formed chain; a test changes one and builds it. */
export function chainFields(product: AmdProduct, key: "VCEK" | "VLEK", hardwareId: Uint8Array): Record<"leaf" | "authority" | "root", TestCertificate> {
    const root = keyPair("ARK", "rsa");
    const authority = keyPair(key === "VCEK" ? "ASK" : "ASVK", "rsa");
    const leaf = keyPair(key, "P-384");
    const rootName = `ARK-${product}`;
    const authorityName = key === "VCEK" ? `SEV-${product}` : `SEV-VLEK-${product}`;
    return {
        root: { ...validity, subject: rootName, issuer: rootName, publicKey: root.publicKey, signer: root.privateKey, serial: 0x10000, extensions: CA_EXTENSIONS(0x06) },
        authority: { ...validity, subject: authorityName, issuer: rootName, publicKey: authority.publicKey, signer: root.privateKey, serial: 0x10001, extensions: CA_EXTENSIONS(0x04, 0) },
        leaf: {
            ...validity, subject: `SEV-${key}`, issuer: authorityName, publicKey: leaf.publicKey, signer: authority.privateKey, serial: 0,
            extensions: leafExtensions(product, key, hardwareId),
        },
    };
}

/** The fields of a well-formed revocation list of the product's root. */
export function listFields(product: AmdProduct): TestList {
    return { issuer: `ARK-${product}`, signer: keyPair("ARK", "rsa").privateKey, thisUpdate: NOW - YEAR / 12, nextUpdate: NOW + YEAR / 12, revoked: [] };
}
