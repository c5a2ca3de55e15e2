// MRENCLAVE and SIGSTRUCT equal those of another implementation, sgxs-tools; remake.ts makes the vector anew.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { mrenclave } from "../../../../provider/tee/sgx/measurement";
import { makeSigstruct } from "../../../../provider/tee/sgx/sigstruct";
import { readVendorKey } from "../../../../provider/tee/sgx/vendor-key";
import { packageRoot } from "../../../../tools/setup/toolchain";
import { image, SIGNED } from "./enclave";

interface Vector { readonly vendorKey: string; readonly mrenclave: string; readonly sigstruct: string }

describe("enclaves as sgxs-tools has them", () => {
    const vector = JSON.parse(fs.readFileSync(path.join(packageRoot(), "test", "tee", "sgx", "crosscheck", "vector.json"), "utf8")) as Vector;

    it("have the same measurement", () => {
        assert.equal(Buffer.from(mrenclave(image())).toString("hex"), vector.mrenclave);
    });

    it("have the same signature structure, byte for byte", () => {
        const made = Buffer.from(makeSigstruct({ measurement: mrenclave(image()), ...SIGNED }, readVendorKey(vector.vendorKey)));
        const theirs = Buffer.from(vector.sigstruct, "base64");
        assert.equal(theirs.length, made.length);
        assert.deepEqual([...made.keys()].filter((at) => made[at] !== theirs[at]), []);
    });
});
