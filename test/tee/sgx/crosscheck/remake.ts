// Makes vector.json anew with the programs of sgxs-tools (crates.io), which must be on PATH:
//   apt-get install protobuf-compiler && cargo install sgxs-tools --version 0.10.0 && npm run crosscheck:sgx
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { generateVendorKey } from "../../../../provider/tee/sgx/vendor-key";
import { packageRoot } from "../../../../tools/setup/toolchain";
import { BLOCKS, SIGNED } from "./enclave";

async function main(): Promise<void> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sgxs-"));
    try {
        const at = (name: string): string => path.join(folder, name);
        const blocks = BLOCKS.map(({ permissions, content }, index) => {
            fs.writeFileSync(at(String(index)), content);
            return `${permissions}=${at(String(index))}`;
        });
        const stream = execFileSync("sgxs-build", [...blocks, "tcs=nssa:0"]);
        fs.writeFileSync(at("sgxs"), stream);
        const vendorKey = await generateVendorKey();
        fs.writeFileSync(at("key.pem"), vendorKey, { mode: 0o600 });
        // Masks are given inverted: 0 leaves the loader no bit to choose.
        execFileSync("sgxs-sign", ["--key", at("key.pem"), "--date", "20260101", "--attributes", "0x4/0", "--xfrm", "0x7/0", "--miscselect", "0/0",
            "--isvprodid", String(SIGNED.isvProdId), "--isvsvn", String(SIGNED.isvSvn), at("sgxs"), at("sigstruct")]);
        const vector = {
            madeBy: "sgxs-tools 0.10.0",
            vendorKey,
            mrenclave: createHash("sha256").update(stream).digest("hex"),
            sigstruct: fs.readFileSync(at("sigstruct")).toString("base64"),
        };
        fs.writeFileSync(path.join(packageRoot(), "test", "tee", "sgx", "crosscheck", "vector.json"), `${JSON.stringify(vector, null, 2)}\n`);
    } finally {
        fs.rmSync(folder, { recursive: true });
    }
}

void main();
