// The example under the real CLI: no session key of its run and no private key of its deployer is in the state, a log,
// a file, the CLI's output or what the system shows of a process.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { keyId } from "../../provider/protocol/keys";
import { SUITE } from "../../provider/protocol/status";
import { DeployedStack } from "../../provider/stack/stack";
import { packageRoot } from "../../tools/setup/toolchain";
import { TestProject } from "../pulumi/project";
import { exportedKeys, exportingKit, type ExportedKey } from "./exporting";
import { forms, formsIn, hitsBelow } from "./search";

const LINKS = ["sample", "moisture", "set", "report", "moved"];
const EXAMPLE = path.join("examples", "smart-irrigation");

describe("session keys of a run", function () {
    this.timeout(600_000);
    let project: TestProject;
    let kit: ReturnType<typeof exportingKit>;
    let base: string;
    let nodes: string;
    /** Everything the CLI printed, but where it was told to show secrets. */
    let printed = "";
    /** What the system shows of the agents' and hosts' processes. */
    const processes = new Map<string, Buffer>();
    const exported: ExportedKey[] = [];
    let deployerKey: Buffer;
    let revealed: string;

    before(async () => {
        kit = exportingKit();
        const root = packageRoot();
        project = new TestProject({
            "package.json": '{ "name": "smart-irrigation", "private": true }\n',
            "Pulumi.yaml": fs.readFileSync(path.join(root, "Pulumi.yaml"), "utf8"),
        });
        base = path.dirname(project.folder);
        for (const folder of [EXAMPLE, "stacks"]) fs.cpSync(path.join(root, folder), path.join(project.folder, folder), { recursive: true });
        // The keys that a board uses are not exported: all modules are on servers here.
        fs.cpSync(path.join(root, "test", "programs", "irrigation"), path.join(project.folder, EXAMPLE), { recursive: true });
        // What a run leaves in temporary files is searched as well.
        fs.mkdirSync(path.join(base, "tmp"));
        Object.assign(project.env, { AUTHENTIC_KIT: kit.folder, XDG_STATE_HOME: path.join(base, "xdg"), TMPDIR: path.join(base, "tmp") });
        delete project.env["AUTHENTIC_STATE"];
        nodes = path.join(base, "xdg", "pulumi-authentic");
        await run("stack", "init", "dev");
    });
    after(async () => {
        try {
            await project.attempt("destroy", "--yes", "--stack", "dev");
        } finally {
            project.remove();
            kit.remove();
        }
    });

    async function attempt(...args: string[]) {
        const outcome = await project.attempt(...args);
        printed += outcome.stdout + outcome.stderr;
        return outcome;
    }

    async function run(...args: string[]): Promise<void> {
        const { code, stdout, stderr } = await attempt(...args);
        assert.equal(code, 0, `pulumi ${args.join(" ")}\n${stdout}${stderr}`);
    }

    async function deployed(): Promise<DeployedStack> {
        revealed = await project.pulumi("stack", "export", "--show-secrets");
        return DeployedStack.fromExport(JSON.parse(revealed));
    }

    /** Notes the processes as they are and the keys exported so far, and searches what there is: a log may go with its module. */
    async function observe(stack: DeployedStack): Promise<void> {
        for (const name of ["server", "field"]) {
            const agent = new AgentClient(stack.node(name).folder);
            const pids = [(await agent.about()).pid, ...(await agent.instances()).map(({ pid }) => pid!)];
            assert.equal(pids.length, 3);
            for (const pid of pids) {
                for (const what of ["cmdline", "environ"]) {
                    const file = `/proc/${String(pid)}/${what}`;
                    processes.set(file, fs.readFileSync(file));
                }
            }
        }
        exported.push(...exportedKeys(nodes));
        assert.deepEqual(hitsBelow(base, keys()), []);
    }

    /** Asserts that the key in use on each link was exported at both of its ends, alike. */
    function assertExported(stack: DeployedStack): void {
        for (const name of LINKS) {
            const { connection, epoch, keyId: expected } = stack.connection(name);
            const ends = exported.filter((one) => one.connection === connection && one.epoch === BigInt(epoch));
            assert.equal(new Set(ends.map(({ log }) => log)).size, 2, `${name} was not exported at two ends`);
            for (const { key } of ends) assert.equal(Buffer.from(keyId(SUITE.chacha20Poly1305, key)).toString("hex"), expected, name);
        }
    }

    const keys = () => [...new Map(exported.map(({ key }) => [key.toString("hex"), key])).values()];

    it("are exported by the test's kit, before and after a rotation, at both ends alike", async () => {
        await run("up", "--yes");
        const first = await deployed();
        for (const moisture of [30, 70, 30]) await first.send("reading", Uint8Array.of(moisture));
        await sleep(2_500); // the controller polls each second
        await observe(first);
        assertExported(first);

        await run("config", "set", "rotate", "2");
        await run("up", "--yes");
        const second = await deployed();
        for (const moisture of [70, 30]) await second.send("reading", Uint8Array.of(moisture));
        await second.request("query", new Uint8Array());
        await observe(second);
        assertExported(second);
        for (const name of LINKS) assert.equal(BigInt(second.connection(name).epoch), BigInt(first.connection(name).epoch) + 1n);
        assert.ok(keys().length >= 2 * LINKS.length);
    });

    it("are drawn again for a module that was ended, after an update that fails", async () => {
        const sensor = path.join(EXAMPLE, "modules", "sensor.c");
        const good = fs.readFileSync(path.join(project.folder, sensor), "utf8");
        project.write(sensor, `${good}\nint broken(void) { return missing; }\n`);
        const failed = await attempt("up", "--yes");
        assert.notEqual(failed.code, 0);
        assert.match(failed.stdout + failed.stderr, /sensor\.c:\d+:\d+: /);
        project.write(sensor, good);

        const before = await deployed();
        const ended = await new AgentClient(before.node("server").folder).instance(before.module("controller").instance);
        process.kill(ended!.pid!, "SIGKILL");
        await sleep(500);
        await run("refresh", "--yes");
        await run("up", "--yes");
        const after = await deployed();
        await observe(after);
        assertExported(after);
        assert.notEqual(after.connection("sample").keyId, before.connection("sample").keyId);
    });

    it("are in no file, output or process, nor is the deployer's private key", () => {
        const { deployment } = JSON.parse(revealed) as { deployment: { resources: { type: string; outputs?: { privateKey?: { plaintext: string } } }[] } };
        const text = JSON.parse(deployment.resources.find(({ type }) => type.endsWith(":Deployment"))!.outputs!.privateKey!.plaintext) as string;
        assert.match(text, /^[0-9a-f]{64}$/);
        deployerKey = Buffer.from(text, "hex");
        const secrets = [...keys(), deployerKey];

        for (const name of ["agent.log", "host.log", "node.json"]) assert.notEqual(found(nodes, name), undefined, `there is no ${name} to search`);
        assert.notEqual(found(path.join(base, "state"), "dev.json"), undefined, "there is no state to search");
        assert.deepEqual(hitsBelow(base, secrets), []);
        assert.ok(printed.length > 1_000);
        for (const secret of secrets) assert.deepEqual(formsIn(Buffer.from(printed), secret), [], "printed");
        for (const [file, bytes] of processes) assert.ok(bytes.length > 0 || file.endsWith("environ"), `${file} is empty`); // hosts have no environment
        for (const [file, bytes] of processes) for (const secret of secrets) assert.deepEqual(formsIn(bytes, secret), [], file);
        // Session keys are not in the state at all; the deployer's key is, encrypted.
        for (const key of keys()) assert.deepEqual(formsIn(Buffer.from(revealed), key), [], "decrypted state");
        assert.deepEqual(formsIn(Buffer.from(revealed), deployerKey), ["hex"]);
    });

    it("would be found in any form, in each searched folder", () => {
        const key = keys()[0]!;
        for (const folder of [nodes, path.join(base, "state"), path.join(project.folder, "stacks")]) {
            const planted = path.join(folder, "planted");
            for (const { name, bytes } of forms(key)) {
                fs.writeFileSync(planted, Buffer.concat([Buffer.from("level=info key="), written(name, key) ?? bytes, Buffer.from(" end\n")]));
                try {
                    assert.ok(hitsBelow(base, keys()).includes(`${planted}: ${name}`), `${name} was not found in ${folder}`);
                } finally {
                    fs.rmSync(planted);
                }
            }
        }
    });

    it("leave nothing behind once all is destroyed", async () => {
        await run("destroy", "--yes");
        assert.deepEqual(fs.existsSync(nodes) ? fs.readdirSync(nodes) : [], []);
        assert.deepEqual(hitsBelow(base, [...keys(), deployerKey]), []);
        for (const secret of [...keys(), deployerKey]) assert.deepEqual(formsIn(Buffer.from(printed), secret), []);
    });
});

/** A key inside a longer base64 text, at the alignment that the form names; undefined for other forms. */
function written(form: string, key: Buffer): Buffer | undefined {
    const [, encoding, before] = /^(base64(?:url)?)\+([012])$/.exec(form) ?? [];
    if (encoding === undefined) return undefined;
    return Buffer.from(Buffer.concat([Buffer.alloc(3 + Number(before), "x"), key, Buffer.from("yy")]).toString(encoding as "base64" | "base64url"));
}

/** A file of this name at or below a folder. */
function found(folder: string, name: string): string | undefined {
    return fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).find((file) => path.basename(file) === name);
}
