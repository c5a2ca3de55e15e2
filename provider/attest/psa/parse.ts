// The PSA attestation token (RFC 9783): COSE_Sign1 → claims, with the types and sizes that the profile fixes.
import { malformed, refuse } from "../refusal";
import { decodeCbor, type CborMap, type CborValue } from "./cbor";
import { parseSign1, type CoseSign1 } from "./cose";

/** One measured software component of the platform (RFC 9783, section 4.4.1). */
export interface SoftwareComponent {
    /** What the component is, `BL`, `PRoT`, …; null where the token does not say. */
    readonly measurementType: string | null;
    /** Digest of the component: 32, 48 or 64 bytes. */
    readonly measurement: Uint8Array;
    readonly version: string | null;
    /** Digest of the public key of the component's signer: 32, 48 or 64 bytes. */
    readonly signerId: Uint8Array;
    readonly measurementDescription: string | null;
}

/** The claims of a token. */
export interface PsaToken {
    /** Which set of labels the token uses: RFC 9783, or the ones from −75000 on that preceded it. */
    readonly labels: "rfc9783" | "legacy";
    readonly profile: string;
    /** 32, 48 or 64 bytes: what the challenger sent. */
    readonly nonce: Uint8Array;
    /** 33 bytes: 0x01 and, in RFC 9783, the SHA-256 of the attestation public key. */
    readonly instanceId: Uint8Array;
    /** 32 bytes: the immutable platform root of trust. */
    readonly implementationId: Uint8Array;
    /** The caller: negative for the non-secure side, positive for a secure partition. */
    readonly clientId: number;
    /** 16 bits; 0x30xx is "secured". */
    readonly lifecycle: number;
    /** 8 to 32 bytes, new at each boot; null where absent. */
    readonly bootSeed: Uint8Array | null;
    /** Reference of the platform's certification; null where absent. */
    readonly certificationReference: string | null;
    readonly verificationService: string | null;
    readonly softwareComponents: readonly SoftwareComponent[];
    readonly message: CoseSign1;
}

type Claim =
    | "profile" | "clientId" | "lifecycle" | "implementationId" | "bootSeed" | "certificationReference"
    | "softwareComponents" | "nonce" | "instanceId" | "verificationService";

// RFC 9783, section 4 and, for the labels of before, appendix "PSA_IOT_PROFILE_1".
const LABELS: Readonly<Record<PsaToken["labels"], Readonly<Record<Claim, number>>>> = {
    rfc9783: {
        nonce: 10, instanceId: 256, profile: 265, bootSeed: 268, clientId: 2394, lifecycle: 2395, implementationId: 2396,
        certificationReference: 2398, softwareComponents: 2399, verificationService: 2400,
    },
    legacy: {
        profile: -75000, clientId: -75001, lifecycle: -75002, implementationId: -75003, bootSeed: -75004,
        certificationReference: -75005, softwareComponents: -75006, nonce: -75008, instanceId: -75009, verificationService: -75010,
    },
};

const COMPONENT = { measurementType: 1, measurement: 2, version: 4, signerId: 5, measurementDescription: 6 } as const;
const HASH_SIZES = [32, 48, 64];
// A token describes a handful of images; hundreds would be an attack on the reader, not a platform.
const MAX_COMPONENTS = 64;

/**
 * Parses a token. Unknown labels are refused: a claim that this verifier does not understand may restrict the others.
 *
 * @param bytes - one tagged COSE_Sign1, at most 64 KiB
 * @throws EvidenceRefused when a byte, type, size or label is not what the profile allows
 */
export function parseToken(bytes: Uint8Array): PsaToken {
    if (bytes.length > 0xffff) {
        throw malformed("PSA token: length", `${bytes.length} bytes`, "at most 65535 bytes");
    }
    const message = parseSign1(bytes);
    const payload = decodeCbor(message.payload, "PSA token");
    if (!(payload instanceof Map)) {
        throw malformed("PSA token: payload", "another type", "a map of claims");
    }
    const claims = new ClaimReader(payload as CborMap);
    const token: PsaToken = {
        labels: claims.labels,
        profile: claims.text("profile"),
        nonce: claims.bytes("nonce", HASH_SIZES),
        instanceId: claims.bytes("instanceId", [33]),
        implementationId: claims.bytes("implementationId", [32]),
        clientId: claims.integer("clientId", -0x80000000, 0x7fffffff),
        lifecycle: claims.integer("lifecycle", 0, 0xffff),
        bootSeed: claims.has("bootSeed") ? claims.bytes("bootSeed", claims.labels === "legacy" ? [32] : range(8, 32)) : null,
        certificationReference: claims.has("certificationReference") ? claims.text("certificationReference") : null,
        verificationService: claims.has("verificationService") ? claims.text("verificationService") : null,
        softwareComponents: parseComponents(claims.value("softwareComponents")),
        message,
    };
    claims.end();
    if (token.instanceId[0] !== 0x01) {
        throw malformed("PSA token: instanceId", `type ${String(token.instanceId[0])}`, "33 bytes that begin with 0x01");
    }
    return token;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Takes claims out of the map by name, each once. */
class ClaimReader {
    readonly labels: PsaToken["labels"];
    private readonly unread: Set<number | string>;

    constructor(private readonly claims: CborMap) {
        // The profile claim is mandatory and has a label of its own in each set, so it tells them apart.
        this.labels = claims.has(LABELS.legacy.profile) ? "legacy" : "rfc9783";
        this.unread = new Set(claims.keys());
    }

    has(claim: Claim): boolean {
        return this.claims.has(LABELS[this.labels][claim]);
    }

    value(claim: Claim): CborValue {
        const label = LABELS[this.labels][claim];
        const value = this.claims.get(label);
        if (value === undefined) {
            throw malformed(`PSA token: ${claim}`, "absent", `label ${label}`);
        }
        this.unread.delete(label);
        return value;
    }

    text(claim: Claim): string {
        return requireText(this.value(claim), claim);
    }

    bytes(claim: Claim, sizes: readonly number[]): Uint8Array {
        return requireBytes(this.value(claim), claim, sizes);
    }

    integer(claim: Claim, minimum: number, maximum: number): number {
        const value = this.value(claim);
        if (typeof value !== "number" || value < minimum || value > maximum) {
            throw malformed(`PSA token: ${claim}`, typeof value === "number" ? String(value) : "another type", `an integer from ${minimum} to ${maximum}`);
        }
        return value;
    }

    end(): void {
        if (this.unread.size > 0) {
            throw refuse("AE-ATTEST-UNSUPPORTED", "PSA token: claims", `unknown label ${[...this.unread].join(", ")}`, `the labels of ${this.labels}`);
        }
    }
}

function requireText(value: CborValue | undefined, claim: string): string {
    if (typeof value !== "string" || value.length === 0 || value.length > 256) {
        throw malformed(`PSA token: ${claim}`, typeof value === "string" ? `${value.length} characters` : "another type", "a text of 1 to 256 characters");
    }
    return value;
}

function requireBytes(value: CborValue | undefined, claim: string, sizes: readonly number[]): Uint8Array {
    if (!(value instanceof Uint8Array) || !sizes.includes(value.length)) {
        const required = sizes.length > 3 ? `${sizes[0]} to ${sizes[sizes.length - 1]}` : sizes.join(", ");
        throw malformed(`PSA token: ${claim}`, value instanceof Uint8Array ? `${value.length} bytes` : "another type", `${required} bytes`);
    }
    return value;
}

function parseComponents(value: CborValue): SoftwareComponent[] {
    if (!Array.isArray(value) || value.length === 0 || value.length > MAX_COMPONENTS) {
        throw malformed("PSA token: softwareComponents", Array.isArray(value) ? `${value.length} entries` : "another type", `an array of 1 to ${MAX_COMPONENTS}`);
    }
    return (value as readonly CborValue[]).map((entry, index) => parseComponent(entry, `softwareComponents[${index}]`));
}

function parseComponent(entry: CborValue, path: string): SoftwareComponent {
    const known: readonly number[] = Object.values(COMPONENT);
    if (!(entry instanceof Map) || [...(entry as CborMap).keys()].some((label) => typeof label !== "number" || !known.includes(label))) {
        throw malformed(`PSA token: ${path}`, "another type, or an unknown label", `a map with labels of ${known.join(", ")}`);
    }
    const component = entry as CborMap;
    const optionalText = (label: number, name: string): string | null => (component.has(label) ? requireText(component.get(label), `${path}.${name}`) : null);
    return {
        measurementType: optionalText(COMPONENT.measurementType, "measurementType"),
        measurement: requireBytes(component.get(COMPONENT.measurement), `${path}.measurement`, HASH_SIZES),
        version: optionalText(COMPONENT.version, "version"),
        signerId: requireBytes(component.get(COMPONENT.signerId), `${path}.signerId`, HASH_SIZES),
        measurementDescription: optionalText(COMPONENT.measurementDescription, "measurementDescription"),
    };
}
