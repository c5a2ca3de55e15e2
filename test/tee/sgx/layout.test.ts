// Which pages an image consists of, and that anything out of the ordinary is refused.
import assert from "node:assert/strict";
import { AuthenticError } from "../../../provider/errors";
import { MAX_SIZE, readLayout } from "../../../provider/tee/sgx/layout";
import { enclaveFile, filled, R, RW, RX, type SegmentSpec, smallEnclave } from "./enclave-file";

const refused = (image: Uint8Array, message: RegExp): void => {
    assert.throws(() => readLayout(image), (error) => error instanceof AuthenticError && error.code === "AE-SGX-IMAGE" && message.test(error.message));
};

/** The small enclave with one segment changed. */
const altered = (index: number, change: Partial<SegmentSpec>): Uint8Array =>
    enclaveFile(smallEnclave().map((segment, at) => (at === index ? { ...segment, ...change } : segment)));

describe("the layout of an enclave", () => {
    it("has the segments in order, the TCS last, and the power of two that holds them", () => {
        const { segments, tcs, size } = readLayout(enclaveFile(smallEnclave()));
        assert.deepEqual(segments.map(({ address, size: bytes, writable, executable }) => [address, bytes, writable, executable]),
            [[0, 300, false, false], [4096, 5000, false, true], [12_288, 9000, true, false]]);
        assert.deepEqual([tcs.address, Buffer.from(tcs.content)], [24_576, Buffer.from(filled(4096, 4))]);
        assert.equal(size, 8 * 4096);
        assert.equal(readLayout(altered(3, { address: 7 * 4096 })).size, 8 * 4096);
        assert.equal(readLayout(altered(3, { address: 8 * 4096 })).size, 16 * 4096);
    });

    it("leaves out segments that are not loaded", () => {
        const { segments } = readLayout(enclaveFile([{ address: 5, flags: 7, content: filled(8, 1), type: 2 }, ...smallEnclave()]));
        assert.equal(segments.length, 3);
    });

    const cases: readonly [string, Uint8Array, RegExp][] = [
        ["overlap", altered(2, { address: 4096 * 2 }), /overlaps/],
        ["are out of order", enclaveFile([1, 0, 2, 3].map((index) => smallEnclave()[index]!)), /out of order/],
        ["begin within a page", altered(1, { address: 4097 }), /within a page/],
        ["have more in the file than in memory", altered(1, { size: 4999 }), /not inside the file/],
        ["are empty", altered(1, { content: new Uint8Array(0) }), /empty/],
        ["lie outside the file", altered(1, { offset: 6000 }), /not inside the file/],
        ["begin far outside the file", altered(1, { offset: 2 ** 52 }), /an offset is/],
        ["are writable and executable", altered(2, { flags: 7 }), /both writable and executable/],
        ["cannot be read", altered(1, { flags: 1 }), /flags 1/],
        ["have unknown permissions", altered(1, { flags: 0x0100_0005 }), /flags/],
        ["end with an executable TCS", altered(3, { flags: RX }), /thread control structure/],
        ["end with a TCS of two pages", altered(3, { size: 4097 }), /thread control structure/],
        ["end with a TCS that the file does not fill", altered(3, { content: filled(72, 4), size: 4096 }), /thread control structure/],
        ["are one only", enclaveFile(smallEnclave().slice(0, 1)), /fewer than two/],
        ["are none", enclaveFile([]), /fewer than two/],
        ["are too many", enclaveFile(Array.from({ length: 17 }, (_, index) => ({ address: index * 4096, flags: R, content: filled(1, 0) }))), /program headers/],
        ["are too large", altered(2, { size: MAX_SIZE + 1 }), /a size is/],
        ["lie too far up", altered(3, { address: MAX_SIZE }), /it needs/],
    ];
    for (const [what, image, message] of cases) {
        it(`is refused where the segments ${what}`, () => refused(image, message));
    }

    it("is refused for files of another kind", () => {
        const good = enclaveFile(smallEnclave());
        for (const [at, value] of [[0, 0], [4, 1], [5, 2], [6, 0], [16, 2], [18, 40], [54, 55]] as const) {
            const image = good.slice();
            image[at] = value;
            refused(image, /not an enclave/);
        }
        refused(new Uint8Array(0), /no magic/);
    });

    it("is refused when it is cut short, wherever that is", () => {
        const good = enclaveFile([...smallEnclave().slice(0, 2), { address: 3 * 4096, flags: RW, content: filled(10, 5) }, ...smallEnclave().slice(3)]);
        for (let length = 0; length < good.length; length += 61) refused(good.subarray(0, length), /not an enclave/);
    });
});
