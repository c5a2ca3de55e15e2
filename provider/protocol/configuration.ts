// The measured configuration block of a module image and the measurement of a native module
// (docs/protocol.md section 2).
import { createHash } from "node:crypto";
import { utf8ToBytes } from "@noble/hashes/utils";
import { Reader, Writer, ascii, isZero, label } from "./bytes";
import { malformed } from "./refusal";

/** Bytes of the block in a server's image. */
export const CONFIGURATION_SIZE = 4096;
/** Longest name of an entry. */
export const MAX_NAME = 47;
const TYPE_INTEGER = 1;
const TYPE_TEXT = 2;

export interface Configuration {
    /** 16 bytes. */
    readonly deployment: Uint8Array;
    /** 16 bytes. */
    readonly instance: Uint8Array;
    /** The deployer's Ed25519 public key, 32 bytes. */
    readonly deployerKey: Uint8Array;
    /** The module's own values: integers (as bigint of 64 bits, two's complement) and texts. */
    readonly values: ReadonlyMap<string, bigint | string>;
}

const compareBytes = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b);

const encodeValue = (name: string, value: bigint | string): { type: number; bytes: Uint8Array } => {
    if (typeof value === "string") {
        const bytes = utf8ToBytes(value);
        // A lone surrogate would silently become U+FFFD, and two texts one measurement.
        if (Buffer.from(bytes).toString("utf8") !== value) throw new RangeError(`text ${name} is not well-formed Unicode`);
        return { type: TYPE_TEXT, bytes };
    }
    if (BigInt.asIntN(64, value) !== value) throw new RangeError(`integer ${name} must fit 64 bits, it is ${value}`);
    return { type: TYPE_INTEGER, bytes: new Writer().u64(BigInt.asUintN(64, value)).finish() };
};

/**
 * Encodes a configuration block.
 *
 * @param size - bytes of the block; boards have less than 4096
 * @returns the whole block, zero after its content
 * @throws RangeError naming the value that does not fit, or when all together do not
 * @example
 * const block = encodeConfiguration({ deployment, instance, deployerKey, values: new Map([["openBelow", 45n]]) });
 */
export function encodeConfiguration(configuration: Configuration, size = CONFIGURATION_SIZE): Uint8Array {
    const entries = [...configuration.values]
        .map(([name, value]) => ({ name, nameBytes: utf8ToBytes(name), value }))
        .sort((a, b) => compareBytes(a.nameBytes, b.nameBytes));
    const body = new Writer()
        .field("deployment", configuration.deployment, 16)
        .field("instance", configuration.instance, 16)
        .field("deployerKey", configuration.deployerKey, 32)
        .u16(entries.length, "number of entries");
    for (const { name, nameBytes, value } of entries) {
        if (nameBytes.length === 0 || nameBytes.length > MAX_NAME) throw new RangeError(`name ${JSON.stringify(name)} must have 1 to ${MAX_NAME} bytes`);
        const { type, bytes } = encodeValue(name, value);
        if (bytes.length > 0xffff) throw new RangeError(`text ${name} has ${bytes.length} bytes, more than a block holds`);
        body.u8(nameBytes.length).bytes(nameBytes).u8(type).u16(bytes.length).bytes(bytes);
    }
    const content = body.finish();
    const length = 8 + content.length;
    if (length > size) throw new RangeError(`the configuration has ${length} bytes, but the image holds ${size}: shorten its texts`);
    return new Writer().bytes(ascii("AEXC")).u8(1).u8(0).u16(length).bytes(content).zeros(size - length).finish();
}

/**
 * Decodes a configuration block (the module's side).
 *
 * @throws ProtocolError for names out of order or twice, another type, or bytes after the content that are not zero
 */
export function decodeConfiguration(block: Uint8Array): Configuration {
    const reader = new Reader(block, "configuration");
    reader.magic("AEXC");
    reader.version();
    reader.reserved(1);
    const length = reader.u16("length");
    if (length < reader.position || length > block.length) throw malformed(`configuration: length ${length} does not fit`);
    if (!isZero(block.subarray(length))) throw malformed("configuration: bytes after its content are not zero");
    const body = new Reader(block.subarray(reader.position, length), "configuration");
    const deployment = body.bytes(16, "deployment");
    const instance = body.bytes(16, "instance");
    const deployerKey = body.bytes(32, "deployerKey");
    const count = body.u16("number of entries");
    const values = new Map<string, bigint | string>();
    let previous: Uint8Array | undefined;
    for (let i = 0; i < count; i++) {
        const nameLength = body.u8("length of a name");
        if (nameLength === 0 || nameLength > MAX_NAME) throw malformed(`configuration: a name of ${nameLength} bytes`);
        const name = body.text(nameLength, "name");
        const nameBytes = utf8ToBytes(name);
        if (previous !== undefined && compareBytes(previous, nameBytes) >= 0) throw malformed("configuration: names are not in order");
        previous = nameBytes;
        const type = body.oneOf(body.u8("type"), [TYPE_INTEGER, TYPE_TEXT], "type");
        const valueLength = body.u16("length of a value");
        if (type === TYPE_INTEGER && valueLength !== 8) throw malformed(`configuration: an integer of ${valueLength} bytes`);
        values.set(name, type === TYPE_INTEGER ? BigInt.asIntN(64, body.u64("integer")) : body.text(valueLength, "text"));
    }
    body.end();
    return { deployment, instance, deployerKey, values };
}

/**
 * Measurement of a native module: `SHA-256("aex/v1/measurement/native\0" ‖ image with the block filled)`.
 *
 * @param image - the whole image file
 * @returns 32 bytes
 */
export const nativeMeasurement = (image: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(label("aex/v1/measurement/native")).update(image).digest());

/**
 * A copy of an image with its configuration block filled.
 *
 * @param offset - of the block in the image
 * @throws RangeError if the block is not inside the image or is not all zero there
 */
export function fillConfiguration(image: Uint8Array, offset: number, block: Uint8Array): Uint8Array {
    if (offset < 0 || offset + block.length > image.length) throw new RangeError("the configuration block is not inside the image");
    if (!isZero(image.subarray(offset, offset + block.length))) throw new RangeError("the configuration block of the image is not empty");
    const filled = image.slice();
    filled.set(block, offset);
    return filled;
}
