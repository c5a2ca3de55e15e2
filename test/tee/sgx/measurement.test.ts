// MRENCLAVE, record by record as the processor hashes them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readLayout } from "../../../provider/tee/sgx/layout";
import { mrenclave, sgxs } from "../../../provider/tee/sgx/measurement";
import { enclaveFile, filled, smallEnclave } from "./enclave-file";

const PAGE_RECORDS = 64 + 16 * (64 + 256);

/** The stream's records: those of ECREATE and EADD as they are, of EEXTEND with the data. */
function records(stream: Buffer): { name: string; record: Buffer; data: Buffer }[] {
    const found = [];
    for (let at = 0; at < stream.length;) {
        const name = stream.subarray(at, at + 8).toString("latin1").replace(/\0/g, "");
        const data = name === "EEXTEND" ? 256 : 0;
        found.push({ name, record: stream.subarray(at, at + 64), data: stream.subarray(at + 64, at + 64 + data) });
        at += 64 + data;
    }
    return found;
}

describe("the measurement of an enclave", () => {
    const image = enclaveFile(smallEnclave());
    const stream = Buffer.concat([...sgxs(readLayout(image))]);
    const all = records(stream);

    it("begins with the size of the enclave and of a state save frame", () => {
        const first = all[0]!.record;
        assert.equal(all[0]!.name, "ECREATE");
        assert.equal(first.readUInt32LE(8), 1);
        assert.equal(first.readBigUInt64LE(12), 8n * 4096n);
        assert.ok(first.subarray(20).every((byte) => byte === 0));
    });

    it("adds every page with its place, type and permissions, and measures all of it", () => {
        assert.equal(stream.length, 64 + 7 * PAGE_RECORDS);
        const pages = all.filter(({ name }) => name === "EADD").map(({ record }) => [Number(record.readBigUInt64LE(8)) / 4096, Number(record.readBigUInt64LE(16))]);
        assert.deepEqual(pages, [[0, 0x201], [1, 0x205], [2, 0x205], [3, 0x203], [4, 0x203], [5, 0x203], [6, 0x100]]);
        const extends_ = all.filter(({ name }) => name === "EEXTEND");
        assert.deepEqual(extends_.map(({ record }) => Number(record.readBigUInt64LE(8))), Array.from({ length: 7 * 16 }, (_, index) => index * 256));
        assert.ok(all.slice(1).every(({ name, record }) => record.subarray(name === "EADD" ? 24 : 16).every((byte) => byte === 0)));
    });

    it("takes zeros where the file has nothing of a page", () => {
        const memory = Buffer.concat(all.map(({ data }) => data));
        const expected = Buffer.alloc(7 * 4096);
        expected.set(filled(300, 1), 0);
        expected.set(filled(5000, 2), 4096);
        expected.set(filled(100, 3), 3 * 4096);
        expected.set(filled(4096, 4), 6 * 4096);
        assert.ok(memory.equals(expected));
    });

    it("is the SHA-256 of that stream, and changes with every part of it", () => {
        const measured = Buffer.from(mrenclave(image));
        assert.ok(measured.equals(createHash("sha256").update(stream).digest()));
        const [code, ...rest] = [smallEnclave()[1]!, smallEnclave()[0]!, smallEnclave()[2]!, smallEnclave()[3]!] as const;
        const others = [
            [rest[0], { ...code, content: code.content.map((byte, index) => (index === 4999 ? byte ^ 1 : byte)) }, rest[1], rest[2]],
            [rest[0], { ...code, flags: 4 }, rest[1], rest[2]],
            [rest[0], code, { ...rest[1], size: 4096 }, rest[2]],
            [rest[0], code, rest[1], { ...rest[2], address: 7 * 4096 }],
            [rest[0], code, rest[1], { ...rest[2], content: filled(4096, 5) }],
        ].map((segments) => Buffer.from(mrenclave(enclaveFile(segments))).toString("hex"));
        assert.equal(new Set([measured.toString("hex"), ...others]).size, others.length + 1);
    });
});
