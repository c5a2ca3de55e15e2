// The bounded reader and the canonical hexadecimal form.
import assert from "node:assert/strict";
import { ByteReader, equalBytes, fromHex, hex, isZero } from "../../provider/attest/bytes";
import { EvidenceRefused } from "../../provider/attest/refusal";

const document = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

describe("the byte reader", () => {
    it("reads little-endian integers and pieces in order, to the end", () => {
        const reader = new ByteReader(document, "document");
        assert.equal(reader.u8("a"), 1);
        assert.equal(reader.u16("b"), 0x0302);
        assert.equal(reader.u32("c"), 0x07060504);
        assert.deepEqual(reader.take(3, "d"), Uint8Array.of(8, 9, 10));
        reader.end();
        assert.equal(new ByteReader(document, "document").u64("e"), 0x0807060504030201n);
    });

    it("reads views that start inside a larger buffer", () => {
        assert.equal(new ByteReader(document.subarray(4), "document").u16("a"), 0x0605);
    });

    const refusals: [what: string, read: (reader: ByteReader) => unknown][] = [
        ["more than there is", (reader) => reader.take(11, "x")],
        ["a negative length", (reader) => reader.take(-1, "x")],
        ["a fractional length", (reader) => reader.take(1.5, "x")],
        ["a length that is no number", (reader) => reader.take(NaN, "x")],
        ["a length of 2^53", (reader) => reader.take(2 ** 53, "x")],
        ["an integer over the end", (reader) => { reader.take(7, "x"); return reader.u32("y"); }],
        ["left-over bytes", (reader) => { reader.take(9, "x"); reader.end(); }],
        ["a reserved byte that is set", (reader) => reader.zeros(1, "x")],
    ];
    for (const [what, read] of refusals) {
        it(`refuses ${what}, naming document and field`, () => {
            assert.throws(() => read(new ByteReader(document, "document")), (error) => error instanceof EvidenceRefused && error.refusal.claim.startsWith("document: "));
        });
    }
});

describe("canonical hexadecimal", () => {
    it("reads what it writes", () => {
        assert.equal(hex(fromHex("00ff10", "x")), "00ff10");
    });
    for (const text of ["0", "0G", "FF", " 00", "00 ", "0x00"]) {
        it(`refuses "${text}"`, () => {
            assert.throws(() => fromHex(text, "x"), EvidenceRefused);
        });
    }
});

describe("comparisons", () => {
    it("are over the full width", () => {
        assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
        assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
        assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1)), false);
        assert.equal(isZero(new Uint8Array(4)), true);
        assert.equal(isZero(Uint8Array.of(0, 0, 0x80)), false);
    });
});
