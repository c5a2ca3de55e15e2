// The Sancus key hierarchy: node key → vendor key → module key, the tag that `verify` compares, and the image of a
// confidential load. Noorman et al., "Sancus 2.0", ACM TOPS 20(3), 2017, section 3.3.
//
// The provider derives these in memory from the node key of the stack's secret configuration; none of them is stored.
import { spongentMac, spongeWrap, type SpongentSecurity } from "./spongent";

/** Where a module lies in the 16-bit address space. Ends are exclusive; all four are part of the module's identity. */
export interface SancusLayout {
    /** First byte of the text section, which is also the only entry point. */
    readonly publicStart: number;
    readonly publicEnd: number;
    /** First byte of the secret data section. */
    readonly secretStart: number;
    readonly secretEnd: number;
}

/** What the hardware measures of a module: its text and where its sections lie. Data is neither measured nor cleared. */
export interface SancusIdentity {
    /** The bytes of `[publicStart, publicEnd)`, even in number. */
    readonly text: Uint8Array;
    readonly layout: SancusLayout;
}

const requireU16 = (name: string, value: number): void => {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new RangeError(`${name} must be an integer from 0 to 65535, not ${value}`);
};

const u16le = (...values: readonly number[]): Uint8Array => {
    const bytes = new Uint8Array(2 * values.length);
    values.forEach((value, i) => {
        bytes[2 * i] = value & 0xff;
        bytes[2 * i + 1] = value >> 8;
    });
    return bytes;
};

/**
 * The byte string that identifies a module to the hardware: `text ‖ ps ‖ pe ‖ ss ‖ se`, addresses as 16-bit little-endian.
 *
 * @throws RangeError if the text does not fill the public range, or `enable` would refuse the layout
 */
export function sancusIdentityBytes({ text, layout }: SancusIdentity): Uint8Array {
    for (const [name, value] of Object.entries(layout)) requireU16(name, value as number);
    const { publicStart, publicEnd, secretStart, secretEnd } = layout;
    if (publicStart >= publicEnd) throw new RangeError(`publicStart ${publicStart} must be below publicEnd ${publicEnd}`);
    if (secretStart > secretEnd) throw new RangeError(`secretStart ${secretStart} must not be above secretEnd ${secretEnd}`);
    if (text.length !== publicEnd - publicStart) {
        throw new RangeError(`text has ${text.length} bytes, but the public range has ${publicEnd - publicStart}`);
    }
    const bytes = new Uint8Array(text.length + 8);
    bytes.set(text);
    bytes.set(u16le(publicStart, publicEnd, secretStart, secretEnd), text.length);
    return bytes;
}

/**
 * `K_vendor = MAC(K_node, vendor)`: the key a software vendor shares with a node.
 *
 * @param nodeKey - K_node, 8 or 16 bytes
 * @param vendorId - 16-bit vendor id
 * @returns the vendor key, as long as the node key
 * @throws RangeError for another key length or an id beyond 16 bits
 * @example
 * sancusVendorKey(nodeKey, 0x1234);
 */
export function sancusVendorKey(nodeKey: Uint8Array, vendorId: number): Uint8Array {
    requireU16("vendorId", vendorId);
    return spongentMac(nodeKey, u16le(vendorId));
}

/**
 * `K_module = MAC(K_vendor, identity)`: the key only this module on this node, and its vendor, can use.
 *
 * @param vendorKey - K_vendor, 8 or 16 bytes
 * @param identity - of the module as loaded; for a confidential load the *decrypted* text
 * @returns the module key, as long as the vendor key
 * @throws RangeError for another key length or an identity that cannot be loaded
 * @example
 * const moduleKey = sancusModuleKey(sancusVendorKey(nodeKey, 0x1234), { text, layout });
 */
export function sancusModuleKey(vendorKey: Uint8Array, identity: SancusIdentity): Uint8Array {
    return spongentMac(vendorKey, sancusIdentityBytes(identity));
}

/**
 * The tag that the `verify` instruction compares: a hash of the identity (MAC under the all-zero key), no secret.
 *
 * @param security - the node's security level in bits
 * @returns 8 or 16 bytes
 * @throws RangeError for an identity that cannot be loaded
 * @example
 * const expectedCallee = sancusVerifyTag(128, { text, layout });
 */
export function sancusVerifyTag(security: SpongentSecurity, identity: SancusIdentity): Uint8Array {
    return spongentMac(new Uint8Array(security / 8), sancusIdentityBytes(identity));
}

/**
 * Encrypts a module's text for a confidential load (`enable` with a nonce other than 0).
 *
 * @param vendorKey - K_vendor, 8 or 16 bytes
 * @param text - plaintext of the text section, even length, not empty
 * @param nonce - 1 to 65535, given to `enable` in r10; never twice with another text under one vendor key
 * @returns the encrypted text to place in memory and the tag to point r9 at
 * @throws RangeError for an unsupported length or nonce
 * @example
 * const { ciphertext, tag } = sancusConfidentialText(vendorKey, text, 0x315a);
 */
export function sancusConfidentialText(vendorKey: Uint8Array, text: Uint8Array, nonce: number): { ciphertext: Uint8Array; tag: Uint8Array } {
    requireU16("nonce", nonce);
    if (nonce === 0) throw new RangeError("nonce must not be 0: the hardware takes 0 as a plaintext load");
    if (text.length === 0) throw new RangeError("text must not be empty");
    return spongeWrap(vendorKey, u16le(nonce), text);
}
