// PSA tokens for tests: an independent CBOR writer, and a signer that can misplace every part.
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";

/** A value to write; maps are lists of pairs, so that a label can occur twice. */
export type Item = number | string | Uint8Array | readonly Item[] | { readonly map: readonly (readonly [Item, Item])[] } | { readonly tag: number; readonly value: Item };

function head(major: number, argument: number): Buffer {
    const tail = argument < 24 ? Buffer.alloc(0) : Buffer.alloc(argument < 0x100 ? 1 : argument < 0x10000 ? 2 : 4);
    if (tail.length > 0) {
        tail.writeUIntBE(argument, 0, tail.length);
    }
    return Buffer.concat([Uint8Array.of((major << 5) | (tail.length === 0 ? argument : { 1: 24, 2: 25, 4: 26 }[tail.length] ?? 0)), tail]);
}

/** Writes one value. */
export function encode(item: Item): Buffer {
    if (typeof item === "number") {
        return item < 0 ? head(1, -1 - item) : head(0, item);
    }
    if (typeof item === "string") {
        return Buffer.concat([head(3, Buffer.byteLength(item)), Buffer.from(item)]);
    }
    if (item instanceof Uint8Array) {
        return Buffer.concat([head(2, item.length), item]);
    }
    if (Array.isArray(item)) {
        return Buffer.concat([head(4, item.length), ...(item as readonly Item[]).map(encode)]);
    }
    if (!("tag" in item)) {
        const { map: entries } = item as { readonly map: readonly (readonly [Item, Item])[] };
        return Buffer.concat([head(5, entries.length), ...entries.flatMap(([label, value]) => [encode(label), encode(value)])]);
    }
    const tagged = item as { tag: number; value: Item };
    return Buffer.concat([head(6, tagged.tag), encode(tagged.value)]);
}

/** A device's attestation key. */
export function attestationKey(): { privateKey: KeyObject; pem: string; point: Buffer } {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const spki = publicKey.export({ type: "spki", format: "der" });
    return { privateKey, pem: publicKey.export({ type: "spki", format: "pem" }) as string, point: spki.subarray(-65) };
}

/** The parts of a message that tests change. */
export interface Envelope {
    readonly protectedHeader?: Uint8Array;
    readonly unprotectedHeader?: Item;
    readonly tag?: number;
    /** What is signed, where it is not what is sent. */
    readonly signedHeader?: Uint8Array;
}

/** `{1: -7}`. */
export const ES256_HEADER = encode({ map: [[1, -7]] });

/** A COSE_Sign1 over a payload. */
export function sign1(payload: Uint8Array, key: KeyObject, { protectedHeader = ES256_HEADER, unprotectedHeader = { map: [] }, tag = 18, signedHeader }: Envelope = {}): Buffer {
    const structure = encode(["Signature1", signedHeader ?? protectedHeader, new Uint8Array(0), payload]);
    const signature = sign("sha256", structure, { key, dsaEncoding: "ieee-p1363" });
    return encode({ tag, value: [protectedHeader, unprotectedHeader, payload, signature] });
}
