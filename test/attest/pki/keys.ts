// Signing keys of the test authorities, by name: the same name is the same key within one scenario.
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";

/** A P-256 key pair in the forms that evidence needs. */
export interface SigningKey {
    readonly privateKey: KeyObject;
    /** SubjectPublicKeyInfo, DER. */
    readonly spki: Uint8Array;
    /** X ‖ Y. */
    readonly point: Uint8Array;
}

const POINT_LENGTH = 64;

/** Keys made on demand. */
export class Keyring {
    private readonly keys = new Map<string, SigningKey>();

    get(name: string): SigningKey {
        const existing = this.keys.get(name);
        if (existing !== undefined) {
            return existing;
        }
        const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
        const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
        const key = { privateKey, spki, point: spki.subarray(-POINT_LENGTH) };
        this.keys.set(name, key);
        return key;
    }
}

/** An ECDSA signature as certificates carry it, DER. */
export function signDer(key: SigningKey, message: Uint8Array): Uint8Array {
    return new Uint8Array(sign("sha256", message, key.privateKey));
}

/** An ECDSA signature as quotes carry it, r ‖ s. */
export function signRaw(key: SigningKey, message: Uint8Array): Uint8Array {
    return new Uint8Array(sign("sha256", message, { key: key.privateKey, dsaEncoding: "ieee-p1363" }));
}

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The other valid signature of the same message: s replaced by n − s. */
export function otherSignature(signature: Uint8Array): Uint8Array {
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString("hex")}`);
    return Buffer.concat([signature.subarray(0, 32), Buffer.from((ORDER - s).toString(16).padStart(64, "0"), "hex")]);
}
