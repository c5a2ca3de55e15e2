// The platform of an emulated node: recorded once, compared at every refresh and update, forgotten with the node.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { encodePem } from "../../provider/attest/x509/pem";
import { deployment, node } from "../../provider/lifecycle";
import type { Properties } from "../../provider/lifecycle/hooks";
import { setSurroundings } from "../../provider/lifecycle/surroundings";
import { mrsigner, readVendorKey } from "../../provider/tee/sgx/vendor-key";
import { sgx } from "../../provider/tee/sgx/sgx";
import { vendorKey } from "./vendor-key";
import { World } from "./world";

const CERTIFICATES = ["one root", "another root"].map((text) => Buffer.from(text));
const platform = (root = 0, changes: Record<string, string> = {}) => ({ id: "a0".repeat(16), root: encodePem("CERTIFICATE", CERTIFICATES[root]!), fmspc: "00a067110000", ...changes });
const fingerprint = createHash("sha256").update(CERTIFICATES[0]!).digest("hex");

describe("the platform of a node", () => {
    let world: World;
    let cache: string;
    const inputs = (changes: Properties = {}): Properties => ({
        name: "server", deploymentId: "01".repeat(16), tee: "sgx", backend: "emulated", listenAddress: "127.0.0.1", state: "running",
        trust: { emulated: true, collateral: { cache } }, ...changes,
    });
    const wanted = (changes: Properties = {}) => node.check({}, inputs(changes));

    beforeEach(() => {
        cache = fs.mkdtempSync(path.join(os.tmpdir(), "platform-"));
        world = new World({});
        world.platform = platform();
        world.enter();
    });
    afterEach(() => {
        setSurroundings(undefined);
        fs.rmSync(cache, { recursive: true });
    });

    it("is recorded when the node is created, with the fingerprint of its root", async () => {
        const { outs } = await node.create(inputs());
        assert.deepEqual(outs["platform"], { ...platform(), rootFingerprint: fingerprint });
    });

    const replacements = [
        ["root certificate", platform(1), /its root certificate was [0-9a-f]{16}… and is [0-9a-f]{16}…/],
        ["identity", platform(0, { id: "b0".repeat(16) }), /its identity was a0a0a0a0a0a0a0a0… and is b0b0b0b0b0b0b0b0…/],
        ["FMSPC", platform(0, { fmspc: "00a067110001" }), /its FMSPC was 00a067110000 and is 00a067110001/],
        ["presence", undefined, /its root certificate was .* and is unknown/],
    ] as const;
    for (const [what, other, message] of replacements) {
        it(`shows as drift with its reason where another ${what} is found, and stops an update`, async () => {
            const { id, outs } = await node.create(inputs());
            assert.equal((await node.read(id, outs)).props?.["state"], "running");
            world.platform = other;
            world.reportPlatform();
            const { props } = await node.read(id, outs);
            assert.match(String(props?.["state"]), /^the platform was replaced: /);
            assert.match(String(props?.["state"]), message);
            assert.deepEqual(props?.["platform"], outs["platform"], "the pinned platform was given up");
            assert.equal((await node.diff(id, props!, inputs())).changes, true);
            await assert.rejects(node.update(id, props!, inputs()), /AE-NODE-PLATFORM: node "server": the platform was replaced.*replace the node/s);
        });
    }

    it("stays the recorded one when the agent starts again", async () => {
        const { id, outs } = await node.create(inputs());
        const { outs: later } = await node.update(id, outs, inputs({ port: 4711 }));
        assert.deepEqual(later["platform"], outs["platform"]);
    });

    it("is forgotten with the node, and what was fetched for it", async () => {
        const { id, outs } = await node.create(inputs());
        const folder = path.join(cache, "emulated", fingerprint);
        fs.mkdirSync(folder, { recursive: true });
        fs.writeFileSync(path.join(folder, "document.json"), "{}");
        await node.delete(id, outs);
        assert.equal(fs.existsSync(folder), false);
        await node.delete(id, outs);
    });

    it("of a hardware node is what the program says", async () => {
        const own = { backend: "hardware", collateralUrl: "https://pccs.example:8081", platformId: "c0".repeat(16) };
        assert.deepEqual((await wanted(own)).failures, []);
        const { outs } = await node.create(inputs(own));
        assert.deepEqual(outs["platform"], { id: "c0".repeat(16), collateralUrl: "https://pccs.example:8081" });
    });

    it("cannot be given for emulated and native nodes", async () => {
        for (const [changes, reason] of [
            [{ collateralUrl: "https://pccs.example" }, /an emulated platform is recorded/],
            [{ platformId: "c0".repeat(16) }, /an emulated platform is recorded/],
            [{ tee: "native", backend: undefined, trust: { native: true }, platformId: "c0".repeat(16) }, /nothing vouches for native ones/],
        ] as const) {
            const { failures = [] } = await wanted(changes);
            assert.equal(failures.length, 1);
            assert.match(failures[0]!.reason, reason);
        }
        assert.match((await wanted({ backend: "hardware", collateralUrl: "ftp://pccs.example" })).failures?.[0]?.reason ?? "", /base URL of a service with the interface of Intel's PCS/);
    });

    it("cannot be emulated on another machine than Linux on x86-64, and preview names what can be used instead", () => {
        assert.equal(sgx.unavailable?.("emulated", "linux x64"), undefined);
        assert.equal(sgx.unavailable?.("hardware", "darwin arm64"), undefined);
        for (const machine of ["darwin arm64", "linux arm64", "win32 x64"]) {
            assert.match(sgx.unavailable?.("emulated", machine) ?? "", new RegExp(`this machine is ${machine}.*native.*hardware`));
        }
    });
});

describe("the vendor key of a deployment", () => {
    const other = () => vendorKey();
    beforeEach(() => new World({}).enter());
    afterEach(() => setSurroundings(undefined));

    it("is drawn when none is given, and stays", async () => {
        const { id, outs } = await deployment.create({ name: "d" });
        assert.equal(outs["signer"], Buffer.from(mrsigner(readVendorKey(String(outs["vendorKey"])))).toString("hex"));
        assert.equal((await deployment.diff(id, outs, { name: "d" })).changes, false);
        assert.equal((await deployment.update(id, outs, { name: "d" })).outs["vendorKey"], outs["vendorKey"]);
    });

    it("is the given one, and another one changes who vouches for the modules", async () => {
        const { id, outs } = await deployment.create({ name: "d", vendorKey: other() });
        assert.equal(outs["vendorKey"], other());
        assert.equal((await deployment.diff(id, outs, { name: "d", vendorKey: other() })).changes, false);
        assert.equal((await deployment.diff(id, outs, { name: "d", vendorKey: `${other()}\n` })).changes, true);
    });

    it("is added to a deployment of an earlier version, whose other keys stay", async () => {
        const { id, outs } = await deployment.create({ name: "d" });
        const earlier = Object.fromEntries(Object.entries(outs).filter(([name]) => !["vendorKey", "signer"].includes(name)));
        assert.equal((await deployment.diff(id, earlier, { name: "d" })).changes, true);
        const { outs: later } = await deployment.update(id, earlier, { name: "d" });
        assert.equal(later["privateKey"], outs["privateKey"]);
        assert.match(String(later["signer"]), /^[0-9a-f]{64}$/);
    });

    it("is refused where it cannot sign, without a word of it", async () => {
        const { failures = [] } = await deployment.check({}, { name: "d", vendorKey: "my secret" });
        assert.deepEqual(failures.map(({ property }) => property), [""], "Pulumi prints the value of a property it is told");
        assert.match(failures[0]!.reason, /^vendorKey: AE-SGX-VENDOR-KEY.*openssl genrsa -3 3072/s);
        assert.ok(!failures[0]!.reason.includes("my secret"));
    });
});
