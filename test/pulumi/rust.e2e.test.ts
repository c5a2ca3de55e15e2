// Modules in C and in Rust under the real CLI: the same modules in both languages, connected crosswise, answer alike.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeployedStack } from "../../provider/stack/stack";
import { packageRoot, toolchain } from "../../tools/setup/toolchain";
import { TestProject } from "./project";

const NODES = [
    { tee: "native", node: "tee: \"native\"", pins: ["shown-c", "shown-rs"] },
    { tee: "sgx", node: "tee: \"sgx\", backend: \"emulated\"", pins: ["shown-c", "shown-rs"] },
    { tee: "trustzone", node: "tee: \"trustzone\", backend: \"emulated\"", pins: ["led0", "led1"] },
];

/** Each ledger is asked by, and tells, the asker in the other language. */
const program = (node: string, [c, rs]: readonly string[]): string => `
const ae = require("pulumi-authentic");
const broken = new (require("@pulumi/pulumi").Config)().get("broken");
const deployment = new ae.Deployment("d", {}, { protect: false });
const node = new ae.Node("node", { deployment, ${node} });
for (const [one, other, pin] of [["c", "rs", "${String(c)}"], ["rs", "c", "${String(rs)}"]]) {
    const ledger = new ae.Module("ledger-" + one, { node, source: (broken ?? "modules/ledger") + "." + one, config: { limit: 1000, unit: "litres" }, devices: { shown: pin } });
    const asker = new ae.Module("asker-" + other, { node, source: "modules/asker." + other, language: other === "c" ? "c" : "rust" });
    new ae.Connection("ledger-by-" + other, { from: asker.request("ledger"), to: ledger.handler("add_up") });
    new ae.Connection("total-of-" + one, { from: ledger.output("total"), to: asker.input("note") });
    new ae.Connection("add-" + one, { from: deployment, to: ledger.handler("add_up") });
    new ae.Connection("amount-" + one, { from: deployment, to: ledger.input("amount") });
    new ae.Connection("relay-" + other, { from: deployment, to: asker.handler("relay") });
    new ae.Connection("noted-" + other, { from: deployment, to: asker.handler("noted_so_far") });
}
`;

/** What a ledger has to hold: amounts above the limit are refused. */
class Oracle {
    private events = 0n;
    private amount = 0n;

    add(amount: bigint): boolean {
        if (amount > 1000n) return false;
        this.events += 1n;
        this.amount += amount;
        return true;
    }

    bytes(): Buffer {
        const bytes = Buffer.alloc(16);
        bytes.writeBigUInt64LE(this.events, 0);
        bytes.writeBigInt64LE(this.amount, 8);
        return bytes;
    }

    get low(): number {
        return Number(BigInt.asUintN(32, this.amount));
    }
}

const bytesOf = (amount: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(amount);
    return bytes;
};

const REFUSED = Buffer.of(0x100 - 8);

/** Modules of boards need libraries that Rust on PATH may not have (docs/modules-rust.md). */
const { foreign } = toolchain();

for (const { tee, node, pins } of NODES) {
    const suite = tee === "trustzone" && foreign === undefined ? describe.skip : describe;
    suite(`modules in C and Rust on ${tee} nodes under the real CLI`, function () {
        this.timeout(600_000);
        let project: TestProject;
        let stack: DeployedStack;
        const oracles: Record<string, Oracle> = { c: new Oracle(), rs: new Oracle() };

        before(async () => {
            const modules = path.join(packageRoot(), "test", "pulumi", "modules");
            project = new TestProject({
                "Pulumi.yaml": "name: rust\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\nstackConfigDir: stacks\n",
                "package.json": JSON.stringify({ name: "rust", private: true }),
                "index.js": program(node, pins),
                "stacks/Pulumi.dev.yaml": "config:\n  authentic:trust:\n    emulated: true\n    native: true\n",
                ...Object.fromEntries(fs.readdirSync(modules).map((name) => [`modules/${name}`, fs.readFileSync(path.join(modules, name), "utf8")])),
                "wrong/ledger.c": "#include <authentic.h>\nAUTHENTIC_INPUT(amount, 8) {}\n",
                "wrong/ledger.rs": "#![no_std]\nuse authentic::input;\n\n#[input(8)]\nfn amount(data: &[u8]) {\n    missing(data);\n}\n",
            });
            if (tee === "trustzone") project.env["PATH"] = [path.join(foreign!.rust, "bin"), project.env["PATH"]].join(path.delimiter);
            await project.begin();
        });
        after(async () => {
            await project.attempt("destroy", "--yes", "--stack", "dev");
            project.remove();
        });

        it("shows in preview what does not compile, as cargo does, with the property and the place", async () => {
            await project.pulumi("config", "set", "broken", "wrong/ledger");
            const { code, stdout, stderr } = await project.attempt("preview");
            await project.pulumi("config", "rm", "broken");
            assert.notEqual(code, 0);
            const said = `${stdout}${stderr}`;
            assert.match(said, /source/);
            assert.match(said, /module "ledger-rs" does not compile: .*wrong\/ledger\.rs:6:5: cannot find function `missing` in this scope/);
            assert.match(said, /error\[E0425\]: cannot find function `missing` in this scope\n\s*--> ledger\.rs:6:5\n/);
            assert.match(said, /6 \|\s+missing\(data\);\n\s*\|\s+\^{7} not found in this scope/);
        });

        it("comes up attested, says what it was built with, and previews without changes", async () => {
            await project.pulumi("up", "--yes", "--skip-preview");
            stack = await project.deployed();
            await project.pulumi("preview", "--expect-no-changes");
            for (const name of ["ledger", "asker"]) {
                const [c, rust] = [stack.module(`${name}-c`), stack.module(`${name}-rs`)];
                const declared = (declarations: typeof c.interface) => [...declarations ?? []].sort((a, b) => (a.name < b.name ? -1 : 1));
                assert.deepEqual(declared(rust.interface), declared(c.interface));
                assert.equal(rust.kit, c.kit);
                assert.equal(rust.assurance, tee === "native" ? "none" : "emulated");
                assert.deepEqual(Object.keys(c.toolchain ?? {}), ["zig"]);
                assert.match(rust.toolchain?.["rustc"] ?? "", /^1\.\d+\.\d+/);
                assert.match(rust.toolchain?.["lock"] ?? "", /^[0-9a-f]{64}$/);
            }
        });

        it("answers requests alike, from the deployer and from the other language, and refuses alike", async () => {
            for (const [language, other] of [["c", "rs"], ["rs", "c"]] as const) {
                const oracle = oracles[language]!;
                for (const amount of [5n, -7n, 1000n, 1001n, 1n << 40n, -(1n << 62n)]) {
                    const direct = (): Promise<Uint8Array> => stack.request(`add-${language}`, bytesOf(amount));
                    if (oracle.add(amount)) assert.deepEqual(Buffer.from(await direct()), Buffer.concat([oracle.bytes(), Buffer.from("litres")]));
                    else await assert.rejects(direct, { code: "AE-STACK-REFUSED" });
                    const again = oracle.add(amount);
                    assert.deepEqual(Buffer.from(await stack.request(`relay-${other}`, bytesOf(amount))), again ? Buffer.concat([Buffer.of(0), oracle.bytes(), Buffer.from("litres")]) : REFUSED);
                }
                assert.deepEqual(Buffer.from(await stack.request(`relay-${other}`, Buffer.alloc(3))), REFUSED, "of another length");
            }
            assert.deepEqual(oracles["c"]!.bytes(), oracles["rs"]!.bytes());
        });

        it("sends events from one language to the other, and writes devices with them", async () => {
            for (const [language, other] of [["c", "rs"], ["rs", "c"]] as const) {
                const oracle = oracles[language]!;
                for (const amount of [3n, 2000n, 4n]) {
                    oracle.add(amount);
                    await stack.send(`amount-${language}`, bytesOf(amount));
                }
                const expected = Buffer.concat([Buffer.of(2, 0, 0, 0, 0, 0, 0, 0), oracle.bytes()]);
                let noted = Buffer.alloc(0);
                for (let tries = 0; tries < 200 && !noted.equals(expected); tries++) {
                    noted = Buffer.from(await stack.request(`noted-${other}`, Buffer.alloc(0)));
                    if (!noted.equals(expected)) await sleep(50);
                }
                assert.deepEqual(noted, expected);
                // A LED shows one bit, and so does its pin.
                if (tee === "trustzone") continue;
                const pin = (await stack.pins(`ledger-${language}`)).find(({ name }) => name === "shown");
                assert.equal((pin?.value ?? 0) >>> 0, oracle.low);
            }
        });

        it("tells the deployer's calls apart, and clears its state with them", async () => {
            for (const language of ["c", "rs"]) {
                await stack.call(`ledger-${language}`, "clear", Uint8Array.of(1));
                const oracle = new Oracle();
                oracle.add(9n);
                assert.deepEqual(Buffer.from(await stack.request(`add-${language}`, bytesOf(9n))), Buffer.concat([oracle.bytes(), Buffer.from("litres")]));
            }
        });

        it("fails alike: a panic is a fault, and the next up starts the module again", async () => {
            const states = await Promise.all(["c", "rs"].map(async (language) => {
                const { instance, nodeName, interface: declared = [] } = stack.module(`ledger-${language}`);
                const agent = stack.agent(nodeName);
                await agent.setTrigger(instance, "crash", { endpoint: declared.findIndex(({ name }) => name === "crash"), everyMs: 10 });
                let report = await agent.instance(instance);
                for (let tries = 0; tries < 200 && report?.state === "running"; tries++) {
                    await sleep(50);
                    report = await agent.instance(instance);
                }
                return { state: report?.state, reason: report?.reason?.replace(/ at .*$/, "") };
            }));
            assert.equal(states[1]?.state, "failed");
            assert.deepEqual(states[1], states[0]);
            await project.pulumi("refresh", "--yes", "--skip-preview");
            await project.pulumi("up", "--yes", "--skip-preview");
            stack = await project.deployed();
            assert.equal((await stack.request("add-rs", bytesOf(1n)))[0], 1, "the first event of a new incarnation");
        });
    });
}
