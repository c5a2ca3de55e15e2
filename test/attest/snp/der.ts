// A writer of DER for test certificates: no checks, so that it can write what a strict reader has to refuse.
import { fromHex } from "../../../provider/attest/bytes";

/** One value with its tag and length. */
export function tlv(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
    const body = Buffer.concat(content);
    const length = body.length < 0x80 ? [body.length]
        : body.length < 0x100 ? [0x81, body.length]
            : body.length < 0x10000 ? [0x82, body.length >> 8, body.length & 0xff]
                : [0x83, body.length >> 16, (body.length >> 8) & 0xff, body.length & 0xff];
    return Buffer.concat([Uint8Array.of(tag, ...length), body]);
}

export const seq = (...content: readonly Uint8Array[]): Uint8Array => tlv(0x30, ...content);
export const set = (...content: readonly Uint8Array[]): Uint8Array => tlv(0x31, ...content);
export const octets = (content: Uint8Array): Uint8Array => tlv(0x04, content);
export const bits = (content: Uint8Array, unused = 0): Uint8Array => tlv(0x03, Uint8Array.of(unused), content);
export const utf8 = (text: string): Uint8Array => tlv(0x0c, Buffer.from(text));
export const ia5 = (text: string): Uint8Array => tlv(0x16, Buffer.from(text));
export const TRUE = Uint8Array.of(0x01, 0x01, 0xff);
export const NULL = Uint8Array.of(0x05, 0x00);

/** A small non-negative INTEGER. */
export function int(value: number): Uint8Array {
    const digits = value.toString(16);
    const magnitude = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
    return (magnitude[0] ?? 0) >= 0x80 ? tlv(0x02, Uint8Array.of(0), magnitude) : tlv(0x02, magnitude);
}

export function oid(dotted: string): Uint8Array {
    const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
    const arcs = [first * 40 + second, ...rest].flatMap((arc) => {
        const groups = [arc & 0x7f];
        for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128)) {
            groups.unshift((high & 0x7f) | 0x80);
        }
        return groups;
    });
    return tlv(0x06, Uint8Array.from(arcs));
}

/** UTCTime of an instant before 2050. */
export function utcTime(at: number): Uint8Array {
    return tlv(0x17, Buffer.from(`${new Date(at).toISOString().slice(2, 19).replace(/[-T:]/g, "")}Z`));
}

/** AlgorithmIdentifier of RSASSA-PSS with SHA-384, as AMD writes it. */
export const RSA_PSS_SHA384 = fromHex("304606092a864886f70d01010a3039a00f300d06096086480165030402020500a11c301a06092a864886f70d010108"
    + "300d06096086480165030402020500a203020130a303020101", "algorithm");
