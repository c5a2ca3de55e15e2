// Enclaves as the builder makes them: from the sources of any other node, measured as the processor will.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readLayout } from "../../../provider/tee/sgx/layout";
import { mrenclave } from "../../../provider/tee/sgx/measurement";
import { sgx, signedImage } from "../../../provider/tee/sgx/sgx";
import { AT, SIGSTRUCT } from "../../../provider/tee/sgx/sigstruct";
import type { Build } from "../../../provider/tee/tee";
import { native, SMALL, Sources } from "../../build/fixture";
import { vendorKey } from "../../lifecycle/vendor-key";

describe("an SGX build", function () {
    this.timeout(180_000);
    const sources = new Sources();
    let build: Build;
    const measured = { deployment: new Uint8Array(16).fill(1), instance: new Uint8Array(16).fill(2), deployerKey: new Uint8Array(32).fill(3), values: {} };

    before(async () => {
        build = await sgx.build({ name: "tested", sources: [sources.write("small.c", SMALL)] });
    });
    after(() => sources.remove());

    it("has the interface that the same source has on a native node", async () => {
        assert.deepEqual(build.interface, (await native.build({ name: "tested", sources: [sources.write("small.c", SMALL)] })).interface);
    });

    it("is an enclave whose TCS lies last and enters at code", () => {
        const { segments, tcs } = readLayout(build.image);
        const page = Buffer.from(tcs.content);
        const entry = Number(page.readBigUInt64LE(32));
        assert.ok(segments.some(({ address, size, executable }) => executable && entry >= address && entry < address + size));
        assert.equal(page.readBigUInt64LE(8), 0n, "the TCS lets itself be debugged");
    });

    it("is measured with its configuration, of which every part counts", () => {
        assert.deepEqual(build.codeMeasurement, mrenclave(build.image));
        const measurements = [measured, { ...measured, deployment: new Uint8Array(16) }, { ...measured, instance: new Uint8Array(16) }, { ...measured, deployerKey: new Uint8Array(32) }]
            .map((one) => Buffer.from(sgx.finalize(build, one).measurement).toString("hex"));
        assert.equal(new Set([...measurements, Buffer.from(build.codeMeasurement).toString("hex")]).size, 5);
    });

    it("is loaded with a signature over that measurement, the same bytes each time", () => {
        const final = sgx.finalize(build, measured);
        const loaded = Buffer.from(sgx.sign!(final, vendorKey()));
        assert.deepEqual(loaded.subarray(SIGSTRUCT), Buffer.from(final.image));
        assert.deepEqual(loaded.subarray(AT.enclaveHash, AT.enclaveHash + 32), Buffer.from(final.measurement));
        const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
        assert.equal(digest(sgx.sign!(final, vendorKey())), digest(loaded));
        assert.notEqual(digest(signedImage(final, vendorKey(), { debug: true })), digest(loaded));
    });
});
