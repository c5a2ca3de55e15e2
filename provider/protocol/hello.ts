// The hello of an event socket: who is asked for (docs/protocol.md section 7). Nothing in it is trusted.
import { Reader, Writer, ascii } from "./bytes";

/** All three are 16 bytes. */
export interface Hello {
    readonly deployment: Uint8Array;
    /** The receiving instance. */
    readonly target: Uint8Array;
    /** The connecting instance. */
    readonly source: Uint8Array;
}

/** Encodes a hello. @throws RangeError naming a field of another length */
export const encodeHello = ({ deployment, target, source }: Hello): Uint8Array =>
    new Writer().bytes(ascii("AEXH")).u8(1).zeros(3).field("deployment", deployment, 16).field("target", target, 16).field("source", source, 16).finish();

/** Decodes a hello. @throws ProtocolError (malformed) */
export function decodeHello(bytes: Uint8Array): Hello {
    const reader = new Reader(bytes, "hello");
    reader.magic("AEXH");
    reader.version();
    reader.reserved(3);
    const hello = { deployment: reader.bytes(16, "deployment"), target: reader.bytes(16, "target"), source: reader.bytes(16, "source") };
    reader.end();
    return hello;
}
