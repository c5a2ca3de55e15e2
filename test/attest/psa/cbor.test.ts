// The strict CBOR reader against cborg in its strict mode, on random and on mutated inputs.
import assert from "node:assert/strict";
import { CborTag, decodeCbor, type CborValue } from "../../../provider/attest/psa/cbor";
import { EvidenceRefused } from "../../../provider/attest/refusal";
import { generator, type Random } from "../campaign/random";
import { encode, type Item } from "./token";

function decode(bytes: Uint8Array): { value: CborValue } | null {
    try {
        return { value: decodeCbor(bytes, "test") };
    } catch (error) {
        assert.ok(error instanceof EvidenceRefused, String(error));
        return null;
    }
}

function randomItem(random: Random, depth: number): Item {
    switch (random(depth > 3 ? 4 : 6)) {
        case 0:
            return random(2 ** 31);
        case 1:
            return -1 - random(2 ** 31);
        case 2:
            return `t${random(1000)}`;
        case 3:
            return Uint8Array.from({ length: random(40) }, () => random(256));
        case 4:
            return Array.from({ length: random(5) }, () => randomItem(random, depth + 1));
        default:
            return { map: Array.from({ length: random(5) }, (_, index) => [index * 7 - 10, randomItem(random, depth + 1)] as const) };
    }
}

function hasTag(value: CborValue): boolean {
    return value instanceof CborTag
        || (Array.isArray(value) && (value as readonly CborValue[]).some(hasTag))
        || (value instanceof Map && [...(value as ReadonlyMap<unknown, CborValue>).values()].some(hasTag));
}

describe("CBOR", () => {
    it("decodes the examples of RFC 8949 that tokens can hold, and refuses the others", () => {
        const examples: readonly (readonly [string, CborValue])[] = [
            ["00", 0], ["17", 23], ["1818", 24], ["1903e8", 1000], ["1a000f4240", 1_000_000], ["1b000000e8d4a51000", 1_000_000_000_000],
            ["20", -1], ["3903e7", -1000], ["f4", false], ["f5", true], ["f6", null], ["40", new Uint8Array(0)], ["4401020304", Uint8Array.of(1, 2, 3, 4)],
            ["60", ""], ["6449455446", "IETF"], ["62c3bc", "ü"], ["80", []], ["83010203", [1, 2, 3]], ["a201020304", new Map([[1, 2], [3, 4]])], ["c11a514b67b0", new CborTag(1, 1363896240)],
        ];
        for (const [bytes, value] of examples) {
            assert.deepEqual(decodeCbor(Uint8Array.from(Buffer.from(bytes, "hex")), "test"), value, bytes);
        }
        for (const bytes of ["", "1817", "190017", "1a0000ffff", "1b00000000ffffffff", "1bffffffffffffffff", "3bffffffffffffffff", "f97e00", "fb3ff199999999999a", "f7", "f0", "f8ff",
            "5f42010243030405ff", "9fff", "bfff", "ff", "1c", "62c328", "61", "a1", "a10102ff", "a201010102", "a1810102", "a1f501", "0000", "c1"]) {
            assert.equal(decode(Buffer.from(bytes, "hex")), null, bytes);
        }
    });

    it("accepts nothing that cborg refuses in its strict mode, and reads the same values", async function () {
        this.timeout(60_000);
        const cborg = await import("cborg");
        const options = { strict: true, useMaps: true, allowIndefinite: false, allowUndefined: false, allowNaN: false, allowInfinity: false, allowBigInt: false, rejectDuplicateMapKeys: true };
        const random = generator(20250701);
        let accepted = 0;
        for (let round = 0; round < 30_000; round++) {
            const bytes = Uint8Array.from(encode(randomItem(random, 0)));
            if (round % 3 !== 0) {
                bytes[random(bytes.length)] = random(256);
            }
            const ours = decode(bytes);
            // cborg decodes tags only with a decoder for each.
            if (ours === null || hasTag(ours.value)) {
                continue;
            }
            accepted++;
            assert.deepEqual(cborg.decode(bytes, options), ours.value, Buffer.from(bytes).toString("hex"));
        }
        assert.ok(accepted > 10_000, `only ${accepted} accepted`);
    });

    it("refuses or decodes random bytes, and never fails otherwise", () => {
        const random = generator(7);
        for (let round = 0; round < 50_000; round++) {
            decode(Uint8Array.from({ length: random(64) }, () => random(256)));
        }
    });
});
