// The image of a Sancus module as it is loaded: the module and the drivers of its devices, with their layouts.
//
//     "AEXM" | version u8 = 1 | count u8 | vendor u16 | part*
//     part: port u8 (0: the module itself) | endpoint u8 | ps u16 | pe u16 | ss u16 | se u16 | text
//
// The measurement covers all of it. Big-endian.
import { sha256 } from "@noble/hashes/sha2";
import type { SancusIdentity } from "../../crypto/sancus-keys";
import { Reader, Writer, ascii, concat } from "../../protocol/bytes";

/** A protected module of an image. */
export interface ImagePart {
    /** The port that a driver owns; 0 for the module itself, which comes first. */
    readonly port: number;
    /** The device of the module that it drives. */
    readonly endpoint: number;
    readonly identity: SancusIdentity;
}

export interface SancusImage {
    readonly vendorId: number;
    readonly parts: readonly ImagePart[];
}

/** Encodes an image. */
export function encodeSancusImage({ vendorId, parts }: SancusImage): Uint8Array {
    const writer = new Writer().bytes(ascii("AEXM")).u8(1).u8(parts.length).u16(vendorId, "vendor id");
    for (const { port, endpoint, identity: { text, layout } } of parts) {
        writer.u8(port).u8(endpoint).u16(layout.publicStart, "ps").u16(layout.publicEnd, "pe").u16(layout.secretStart, "ss").u16(layout.secretEnd, "se").bytes(text);
    }
    return writer.finish();
}

/** Decodes an image. @throws ProtocolError for anything that `encodeSancusImage` does not make */
export function decodeSancusImage(bytes: Uint8Array): SancusImage {
    const reader = new Reader(bytes, "image of a Sancus module");
    reader.magic("AEXM");
    reader.version();
    const count = reader.u8("count");
    const vendorId = reader.u16("vendor id");
    const parts = Array.from({ length: count }, () => {
        const [port, endpoint] = [reader.u8("port"), reader.u8("endpoint")];
        const layout = { publicStart: reader.u16("ps"), publicEnd: reader.u16("pe"), secretStart: reader.u16("ss"), secretEnd: reader.u16("se") };
        return { port, endpoint, identity: { layout, text: reader.bytes(Math.max(0, layout.publicEnd - layout.publicStart), "text") } };
    });
    reader.end();
    return { vendorId, parts };
}

/** `SHA-256("aex/v1/measurement/sancus\0" ‖ image)`. */
export const sancusMeasurement = (image: Uint8Array): Uint8Array => sha256(concat(ascii("aex/v1/measurement/sancus\0"), image));
