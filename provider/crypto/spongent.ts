// Spongent and SpongeWrap as the Sancus crypto unit computes them, at its 64- and 128-bit security levels.
//
// Spongent: A. Bogdanov, M. Knežević, G. Leander, D. Toz, K. Varıcı, I. Verbauwhede, "SPONGENT: The Design Space of
// Lightweight Cryptographic Hashing", IEEE Transactions on Computers 62(10), 2013. SpongeWrap: G. Bertoni, J. Daemen,
// M. Peeters, G. Van Assche, "Duplexing the sponge", SAC 2011. The block layout (rate 18: 16 data bits, a frame bit, a
// padding bit) is that of Sancus 2.0 (Noorman et al., ACM TOPS 20(3), 2017).
//
// The mode has no nonce of its own: a (key, associated data) pair must never wrap two different bodies.

/* eslint-disable @typescript-eslint/no-non-null-assertion --
   Every index below runs over an array whose length is fixed where it is made; a fallback value would hide a wrong one. */

import { equalBytes } from "../attest/bytes";

/** Security level in bits: the length of keys and of tags, and the choice of the permutation. */
export type SpongentSecurity = 64 | 128;

interface Parameters {
    /** Nibbles of state: b / 4. */
    readonly nibbles: number;
    readonly rounds: number;
    /** Length of the round-constant LFSR in bits. */
    readonly lfsrBits: number;
    readonly lfsrInit: number;
    /** The taps whose parity is the bit shifted in. */
    readonly lfsrTaps: number;
}

const PARAMETERS: Readonly<Record<SpongentSecurity, Parameters>> = {
    64: { nibbles: 176 / 4, rounds: 90, lfsrBits: 7, lfsrInit: 0x45, lfsrTaps: 0b1100000 },
    128: { nibbles: 336 / 4, rounds: 170, lfsrBits: 8, lfsrInit: 0x52, lfsrTaps: 0b10001110 },
};

const SBOX = [0xe, 0xd, 0xb, 0x0, 0x2, 0x1, 0x4, 0xf, 0x7, 0xa, 0x8, 0x5, 0x9, 0xc, 0x3, 0x6];

// The bit layer sends bit k of nibble j to bit k·(b/4) + j, so four neighbouring nibbles make one nibble in each quarter
// of the state. SPREAD[v] is S(v) with bit k moved to bit 4k, which lets one OR gather all four.
const SPREAD = Uint16Array.from(SBOX, (s) => (s & 1) | ((s & 2) << 3) | ((s & 4) << 6) | ((s & 8) << 9));

const reverseBits = (value: number, bits: number): number => {
    let reversed = 0;
    for (let i = 0; i < bits; i++) reversed |= ((value >> i) & 1) << (bits - 1 - i);
    return reversed;
};

const parity = (value: number): number => {
    let p = 0;
    for (let v = value; v !== 0; v >>= 1) p ^= v & 1;
    return p;
};

/** Round constants as [low byte into the low end, reversed constant for the high end]. */
const roundConstants = ({ rounds, lfsrBits, lfsrInit, lfsrTaps }: Parameters): readonly (readonly [number, number])[] => {
    const constants: [number, number][] = [];
    let lfsr = lfsrInit;
    for (let i = 0; i < rounds; i++) {
        // Aligned to whole nibbles: an n-bit value at bit b−n is a left shift by 8−n within the top two nibbles.
        constants.push([lfsr, reverseBits(lfsr, lfsrBits) << (8 - lfsrBits)]);
        lfsr = ((lfsr << 1) | parity(lfsr & lfsrTaps)) & ((1 << lfsrBits) - 1);
    }
    return constants;
};

const CONSTANTS = { 64: roundConstants(PARAMETERS[64]), 128: roundConstants(PARAMETERS[128]) } as const;

// The state is an array of nibbles, least significant first.
const permuteNibbles = (security: SpongentSecurity, state: Uint8Array, scratch: Uint8Array): void => {
    const { nibbles } = PARAMETERS[security];
    const quarter = nibbles / 4;
    for (const [low, high] of CONSTANTS[security]) {
        state[0]! ^= low & 0xf;
        state[1]! ^= low >> 4;
        state[nibbles - 2]! ^= high & 0xf;
        state[nibbles - 1]! ^= high >> 4;
        for (let m = 0, j = 0; m < quarter; m++, j += 4) {
            const gathered =
                SPREAD[state[j]!]! | (SPREAD[state[j + 1]!]! << 1) | (SPREAD[state[j + 2]!]! << 2) | (SPREAD[state[j + 3]!]! << 3);
            scratch[m] = gathered & 0xf;
            scratch[quarter + m] = (gathered >> 4) & 0xf;
            scratch[2 * quarter + m] = (gathered >> 8) & 0xf;
            scratch[3 * quarter + m] = gathered >> 12;
        }
        state.set(scratch);
    }
};

/**
 * The Spongent permutation on a whole state.
 *
 * @param security - 64 for the 176-bit permutation, 128 for the 336-bit one
 * @param state - 22 or 42 bytes, little-endian
 * @returns the permuted state, a new array of the same length
 * @throws RangeError if the state has another length
 * @example
 * spongentPermute(64, new Uint8Array(22)); // 7cc4ce71e12103a7601e25ff8970fb10bf32793c2379
 */
export function spongentPermute(security: SpongentSecurity, state: Uint8Array): Uint8Array {
    const { nibbles } = PARAMETERS[security];
    if (state.length !== nibbles / 2) throw new RangeError(`state must have ${nibbles / 2} bytes, not ${state.length}`);
    const work = new Uint8Array(nibbles);
    state.forEach((byte, i) => {
        work[2 * i] = byte & 0xf;
        work[2 * i + 1] = byte >> 4;
    });
    permuteNibbles(security, work, new Uint8Array(nibbles));
    return Uint8Array.from(state, (_, i) => work[2 * i]! | (work[2 * i + 1]! << 4));
}

const FRAME = 1 << 16;
const PAD = 1 << 17;
/** A block without data: the frame bit (0) at bit 0 and the padding bit at bit 1. */
const EMPTY_BLOCK = 0b10;
/** A block without data and frame bit: only padding. */
const BLANK_BLOCK = 0b01;

/** The duplex object: absorb a block of up to 18 bits, get 16 bits of output. */
class Duplex {
    private readonly state: Uint8Array;
    private readonly scratch: Uint8Array;

    constructor(private readonly security: SpongentSecurity) {
        this.state = new Uint8Array(PARAMETERS[security].nibbles);
        this.scratch = new Uint8Array(PARAMETERS[security].nibbles);
    }

    duplex(block: number): number {
        for (let i = 0; i < 5; i++) this.state[i]! ^= (block >>> (4 * i)) & 0xf;
        permuteNibbles(this.security, this.state, this.scratch);
        return this.output();
    }

    output(): number {
        const s = this.state;
        return s[0]! | (s[1]! << 4) | (s[2]! << 8) | (s[3]! << 12);
    }

    /** Absorbs even-length bytes; `lastFrame` is the frame bit of the last word, the others have its complement. */
    absorb(bytes: Uint8Array, lastFrame: boolean): void {
        for (let i = 0; i < bytes.length; i += 2) {
            const last = i + 2 === bytes.length;
            this.duplex(bytes[i]! | (bytes[i + 1]! << 8) | (last === lastFrame ? FRAME : 0) | PAD);
        }
    }

    tag(): Uint8Array {
        const tag = new Uint8Array(this.security / 8);
        for (let i = 0; i < tag.length; i += 2) {
            const word = i === 0 ? this.output() : this.duplex(BLANK_BLOCK);
            tag[i] = word & 0xff;
            tag[i + 1] = word >> 8;
        }
        return tag;
    }

    wipe(): void {
        this.state.fill(0);
        this.scratch.fill(0);
    }
}

/**
 * The security level that a key belongs to.
 *
 * @param key - 8 or 16 bytes
 * @throws RangeError for any other length
 */
export function spongentSecurityOf(key: Uint8Array): SpongentSecurity {
    if (key.length === 8) return 64;
    if (key.length === 16) return 128;
    throw new RangeError(`a Sancus key has 8 or 16 bytes, not ${key.length}`);
}

const requireWords = (name: string, bytes: Uint8Array): void => {
    if (bytes.length % 2 !== 0) throw new RangeError(`${name} must have an even number of bytes, not ${bytes.length}`);
};

const start = (key: Uint8Array, associatedData: Uint8Array): Duplex => {
    const security = spongentSecurityOf(key);
    requireWords("associatedData", associatedData);
    if (associatedData.length === 0) throw new RangeError("associatedData must not be empty: the hardware does not support it");
    const duplex = new Duplex(security);
    duplex.absorb(key, false);
    duplex.absorb(associatedData, true);
    return duplex;
};

// Body processing in either direction: the plaintext is what is absorbed.
const process = (duplex: Duplex, input: Uint8Array, decrypt: boolean): Uint8Array => {
    const output = new Uint8Array(input.length);
    if (input.length === 0) duplex.duplex(EMPTY_BLOCK);
    for (let i = 0; i < input.length; i += 2) {
        const word = input[i]! | (input[i + 1]! << 8);
        const other = word ^ duplex.output();
        output[i] = other & 0xff;
        output[i + 1] = other >> 8;
        const last = i + 2 === input.length;
        duplex.duplex((decrypt ? other : word) | (last ? 0 : FRAME) | PAD);
    }
    return output;
};

/**
 * Wraps (authenticates and encrypts) a body, as the `wrap` instruction does.
 *
 * @param key - 8 bytes (SpongeWrap-64) or 16 bytes (SpongeWrap-128)
 * @param associatedData - authenticated only; not empty, even length; it must hold a nonce, the mode has none
 * @param body - plaintext of even length; may be empty, which gives a MAC
 * @returns the ciphertext, as long as the body, and a tag as long as the key
 * @throws RangeError if a length is not supported by the hardware
 * @example
 * const { ciphertext, tag } = spongeWrap(key, nonceAndHeader, plaintext);
 */
export function spongeWrap(key: Uint8Array, associatedData: Uint8Array, body: Uint8Array): { ciphertext: Uint8Array; tag: Uint8Array } {
    requireWords("body", body);
    const duplex = start(key, associatedData);
    try {
        return { ciphertext: process(duplex, body, false), tag: duplex.tag() };
    } finally {
        duplex.wipe();
    }
}

/**
 * Unwraps a ciphertext. Unlike the `unwrap` instruction it also accepts an empty body, and it never returns plaintext
 * whose tag is wrong.
 *
 * @param key - 8 or 16 bytes
 * @param associatedData - as given to {@link spongeWrap}
 * @param ciphertext - even length
 * @param tag - as long as the key
 * @returns the plaintext, or `undefined` if the tag is wrong
 * @throws RangeError if a length is not supported by the hardware
 * @example
 * const plaintext = spongeUnwrap(key, nonceAndHeader, ciphertext, tag);
 * if (plaintext === undefined) return; // forged or damaged
 */
export function spongeUnwrap(key: Uint8Array, associatedData: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array | undefined {
    requireWords("ciphertext", ciphertext);
    const duplex = start(key, associatedData);
    try {
        const plaintext = process(duplex, ciphertext, true);
        if (equalBytes(duplex.tag(), tag)) return plaintext;
        plaintext.fill(0);
        return undefined;
    } finally {
        duplex.wipe();
    }
}

/**
 * MAC of a message: the tag of an empty body with the message as associated data.
 *
 * @param key - 8 or 16 bytes
 * @param message - not empty, even length
 * @returns a tag as long as the key
 * @throws RangeError if a length is not supported by the hardware
 * @example
 * spongentMac(nodeKey, Uint8Array.of(0x34, 0x12)); // the vendor key of vendor 0x1234
 */
export function spongentMac(key: Uint8Array, message: Uint8Array): Uint8Array {
    return spongeWrap(key, message, new Uint8Array(0)).tag;
}
