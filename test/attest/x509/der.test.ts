// Strict DER: one encoding for each value, and no other.
import assert from "node:assert/strict";
import { fromHex, hex } from "../../../provider/attest/bytes";
import { EvidenceRefused } from "../../../provider/attest/refusal";
import { DerReader, Tag } from "../../../provider/attest/x509/der";

const reader = (text: string): DerReader => new DerReader(fromHex(text, "test"), "document");
const refused = (name: string, encoded: string, read: (reader: DerReader) => unknown): void => {
    it(`refuses ${name}`, () => {
        assert.throws(() => read(reader(encoded)), (error) => error instanceof EvidenceRefused && error.refusal.code === "AE-ATTEST-MALFORMED");
    });
};

describe("DER lengths", () => {
    it("read short, one-byte and two-byte forms", () => {
        for (const length of [0, 1, 127, 128, 255, 256, 65535, 65536]) {
            const prefix = length < 128 ? [length] : length < 256 ? [0x81, length] : length < 65536 ? [0x82, length >> 8, length & 255] : [0x83, length >> 16, (length >> 8) & 255, length & 255];
            const { content } = new DerReader(Uint8Array.of(0x04, ...prefix, ...new Uint8Array(length)), "document").any("field");
            assert.equal(content.length, length);
        }
    });
    refused("a length in a longer form than needed", "048101ff", (der) => der.any("x"));
    refused("a two-byte form of 255", `048200ff${"00".repeat(255)}`, (der) => der.any("x"));
    refused("the indefinite form", "30800000", (der) => der.any("x"));
    refused("the reserved length byte", "04ff", (der) => der.any("x"));
    refused("a length of 2^32 − 1", "0484ffffffff", (der) => der.any("x"));
    refused("a length beyond the data", "040500", (der) => der.any("x"));
    refused("a length cut short", "0482", (der) => der.any("x"));
    refused("an absent length", "04", (der) => der.any("x"));
    refused("nothing", "", (der) => der.any("x"));
    refused("a multi-byte tag", "1f8101", (der) => der.any("x"));
    refused("another tag", "0500", (der) => der.read(Tag.sequence, "x"));
    refused("trailing bytes", "050000", (der) => { der.read(Tag.null, "x"); der.end("x"); });
    refused("trailing bytes after the only element", "300000", (der) => der.only(Tag.sequence, "x"));
});

describe("DER integers", () => {
    it("read their minimal magnitude", () => {
        for (const [encoded, magnitude] of [["020100", "00"], ["02017f", "7f"], ["02020080", "80"], ["0202ff7f".replace("ff", "7f"), "7f7f"]] as const) {
            assert.equal(hex(reader(encoded).unsigned("x", 20)), magnitude);
        }
        assert.equal(reader("02047fffffff").smallInteger("x"), 0x7fffffff);
        assert.equal(reader("0a0102").enumerated("x"), 2);
    });
    refused("an empty integer", "0200", (der) => der.unsigned("x", 20));
    refused("a negative integer", "0201ff", (der) => der.unsigned("x", 20));
    refused("a padded integer", "0202007f", (der) => der.unsigned("x", 20));
    refused("an integer beyond its bound", `0215${"01".repeat(21)}`, (der) => der.unsigned("x", 20));
    refused("a small integer beyond 2^31 − 1", "02050080000000", (der) => der.smallInteger("x"));
});

describe("DER booleans, bit strings and object identifiers", () => {
    it("read", () => {
        assert.equal(reader("0101ff").boolean("x"), true);
        assert.equal(reader("010100").boolean("x"), false);
        assert.equal(hex(reader("030200a5").bitStringBytes("x")), "a5");
        assert.equal(reader("03020106").namedBits("x"), (1 << 5) | (1 << 6));
        assert.equal(reader("030206c0").namedBits("x"), 3);
        assert.equal(reader("0303078080 80".replace(/ .*/, "")).namedBits("x"), (1 << 0) | (1 << 8));
        assert.equal(reader("060a2a864886f84d010d0101").oid("x"), "1.2.840.113741.1.13.1.1");
        assert.equal(reader("0603551d0f").oid("x"), "2.5.29.15");
    });
    refused("the boolean 01", "010101", (der) => der.boolean("x"));
    refused("a boolean of two bytes", "0102ffff", (der) => der.boolean("x"));
    refused("unused bits in a bit string of bytes", "030201fe", (der) => der.bitStringBytes("x"));
    refused("an empty bit string", "0300", (der) => der.bitStringBytes("x"));
    refused("a bit string without content", "030100", (der) => der.bitStringBytes("x"));
    refused("named bits with a trailing zero", "03020006", (der) => der.namedBits("x"));
    refused("named bits in unused positions", "03020107", (der) => der.namedBits("x"));
    refused("named bits in more than two bytes", "03040006ff01", (der) => der.namedBits("x"));
    refused("an empty object identifier", "0600", (der) => der.oid("x"));
    refused("an unfinished object identifier", "060155".replace("55", "88"), (der) => der.oid("x"));
    refused("a padded arc", "060455801d0f", (der) => der.oid("x"));
    refused("an arc beyond 32 bits", "060655ffffffff7f", (der) => der.oid("x"));
});
