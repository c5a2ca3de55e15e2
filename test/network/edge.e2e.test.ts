// Smart irrigation on two machines over SSH, as its stack `edge` has it, under the real CLI: enclaves on a server, boards behind a
// gateway, a firewall between, and the private key of the account nowhere but where it belongs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createPrivateKey, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import ssh2 from "ssh2";
import { parseView } from "../../examples/smart-irrigation/view";
import { closeConnections } from "../../provider/ssh/hosts";
import { DeployedStack } from "../../provider/stack/stack";
import { packageRoot } from "../../tools/setup/toolchain";
import { blocksOf } from "../docs/markdown";
import { commandLines } from "../processes";
import { smartIrrigation, TestProject } from "../pulumi/project";
import { formsIn, hitsBelow } from "../secrets/search";
import { makeKey, SshHost } from "../ssh/server";
import { describeInNamespace } from "./namespace";
import { type Attempt, DEPLOYER, Network } from "./network";
import { Watch } from "./watch";

/** Commands with which the example's README places it on other machines. */
const README = blocksOf(fs.readFileSync(path.join(packageRoot(), "examples", "smart-irrigation", "README.md"), "utf8")).flatMap(({ content }) => content.split("\n")).filter((line) => line.startsWith("npm run pulumi -- "));
/** Event ports of the nodes, by machine, as they are there. */
const PORTS = { server: { server: 7001 }, gateway: { station: 7002, field: 7003 } } as const;
const MACHINES = ["server", "gateway"] as const;
type Machine = typeof MACHINES[number];
const MODULES = ["sensor", "valve", "pump", "controller", "dashboard"];

describeInNamespace(__filename, "smart irrigation on machines behind a firewall, under the real CLI", function () {
    this.timeout(300_000);
    let base: string;
    let network: Network;
    let hosts: Record<Machine, SshHost>;
    let project: TestProject;
    let privateKey: string;
    const passphrase = randomBytes(24).toString("hex");
    /** What must not be found: the passphrase, the key file's lines, what they encode, and the key itself. */
    let secrets: Buffer[];
    /** Everything the CLI printed, but where it was told to show secrets. */
    let printed = "";

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "edge-"));
        network = await Network.start(MACHINES);
        const start = (name: Machine) => new SshHost(network.place(name)).start();
        hosts = { server: await start("server"), gateway: await start("gateway") };
        network.firewall([
            ...MACHINES.map((to) => ({ from: DEPLOYER, to, ports: [22] })),
            { from: "gateway", to: "server", ports: Object.values(PORTS.server) },
            { from: "server", to: "gateway", ports: Object.values(PORTS.gateway) },
        ]);

        const file = makeKey(base, "key", passphrase);
        privateKey = fs.readFileSync(file, "utf8");
        for (const machine of MACHINES) fs.copyFileSync(`${file}.pub`, path.join(hosts[machine].folder, "authorized_keys"));
        const lines = privateKey.split("\n").filter((line) => /^[A-Za-z0-9+/]{40,}=*$/.test(line));
        const parsed = ssh2.utils.parseKey(privateKey, passphrase);
        assert.ok(!(parsed instanceof Error));
        const seed = createPrivateKey(parsed.getPrivatePEM()).export({ format: "jwk" }).d!;
        // The first line has nothing in it that is of this key alone.
        secrets = [Buffer.from(passphrase), ...lines.slice(1).map((line) => Buffer.from(line)), Buffer.from(lines.join(""), "base64").subarray(-64), Buffer.from(seed, "base64url")];

        project = new TestProject(smartIrrigation());
        fs.mkdirSync(path.join(base, "tmp"));
        // What a run leaves in temporary files is searched as well.
        project.env["TMPDIR"] = path.join(base, "tmp");
        await project.begin("edge");
        for (const command of README.filter((line) => /config set(-all)? --path /.test(line) && !line.includes("authentic:trust"))) await configure(command);
        for (const machine of MACHINES) await project.setSecret(`machines.${machine}.passphrase`, passphrase);
    });
    after(async () => {
        let left: string[] = [];
        try {
            await attempt("destroy", "--yes", "--skip-preview");
        } finally {
            await closeConnections();
            left = (await Promise.all(MACHINES.map((machine) => hosts[machine].remove()))).flat();
            await network.close();
            project.remove();
            fs.rmSync(base, { recursive: true });
        }
        assert.deepEqual(left, [], "nothing of a node runs any more");
    });

    /** A line of the README, with the machines that are here in the place of those there. */
    async function configure(line: string): Promise<void> {
        const [, key] = / --path (\S+) --secret < \S+$/.exec(line) ?? [];
        if (key !== undefined) return project.setSecret(key, privateKey);
        const machine = MACHINES.find((name) => line.includes(`machines.${name}.`));
        const { address, user, fingerprint } = hosts[machine ?? "server"];
        const words = line.replace(/host=192\.0\.2\.\d+/, `host=${address}`).replace("user=authentic", `user=${user}`).replace(/SHA256:\S+/, fingerprint).split(" ");
        await run(...words.slice(words.indexOf("--") + 1));
    }

    async function attempt(...args: string[]) {
        const outcome = await project.attempt(...args);
        printed += outcome.stdout + outcome.stderr;
        return outcome;
    }
    async function run(...args: string[]): Promise<string> {
        const { code, stdout, stderr } = await attempt(...args);
        assert.equal(code, 0, `pulumi ${args.join(" ")}\n${stdout}${stderr}`);
        return stdout;
    }
    const deployed = async () => DeployedStack.fromExport(JSON.parse(await project.pulumi("stack", "export", "--show-secrets")));
    /** What other hosts can connect to. */
    const offered = (machine: Machine) => network.listens(machine).map(({ protocol, port }) => `${protocol} ${String(port)}`).sort();
    /** Folders in which no secret may be: of the project, with its state and Pulumi's own files, of temporary files, and of the machines. */
    const searched = () => [path.dirname(project.folder), path.join(base, "tmp"), ...MACHINES.map((machine) => hosts[machine].folder)];

    /** Sets the sensor's port and waits until the valve's port, and the pump, show what follows from it. */
    async function reaches(stack: DeployedStack, percent: number, open: number): Promise<void> {
        await stack.setPin("sensor", "soil", percent);
        let tap: number | undefined;
        for (let tries = 0; tries < 300; tries++) {
            tap = (await stack.pins("valve")).find(({ name }) => name === "tap")?.value;
            if (tap === open && parseView(await stack.request("query", new Uint8Array(0))).pump === (open === 1 ? "on" : "off")) return;
            await sleep(100);
        }
        assert.fail(`the valve's port is ${String(tap)}`);
    }

    it("is refused by the stack as it is, which accepts hardware alone", async () => {
        const { code, stdout, stderr } = await attempt("preview");
        assert.notEqual(code, 0);
        assert.match(stdout + stderr, /authentic:trust/);
        assert.match(stdout + stderr, /emulated/);
        assert.deepEqual(MACHINES.map((machine) => fs.existsSync(hosts[machine].nodes)), [false, false]);
    });

    it("is deployed with what emulation needs on top, and shows its key and passphrase to nobody meanwhile", async () => {
        // Of the stack's file nothing else is changed.
        await configure(README.find((line) => line.includes("authentic:trust"))!);
        const watch = new Watch(secrets);
        await run("up", "--yes", "--skip-preview");
        assert.deepEqual([...watch.hits], []);
        // It would have seen one, in arguments as in an environment.
        const wait = ["-e", "setTimeout(() => undefined, 30_000)"];
        const planted = [spawn(process.execPath, [...wait, passphrase], { stdio: "ignore" }), spawn(process.execPath, wait, { stdio: "ignore", env: { KEY: secrets[1]!.toString() } })];
        for (let tries = 0; watch.hits.size < 2 && tries < 200; tries++) await sleep(50);
        watch.end();
        for (const program of planted) program.kill();
        assert.deepEqual([...watch.hits].sort(), ["cmdline: raw", "environ: raw"]);
        assert.ok(watch.looked > 100);

        assert.deepEqual((await project.outputs())["assurance"], Object.fromEntries(MODULES.map((name) => [name, "emulated"])));
        // With what Pulumi logs beside, short of the levels at which it writes secrets itself (docs/ssh.md).
        await run("preview", "--expect-no-changes", "--logtostderr", "-v", "3");
    });

    it("moves the valve and the pump because of the sensor's port, over the firewall, which lets nothing else through", async () => {
        const stack = await deployed();
        await reaches(stack, 20, 1);
        await reaches(stack, 80, 0);
        await reaches(stack, 30, 1);
        for (const machine of MACHINES) {
            assert.deepEqual(offered(machine), ["tcp 22", ...Object.values(PORTS[machine]).map((port) => `tcp ${String(port)}`)]);
            const other = machine === "server" ? "gateway" : "server";
            const events: readonly number[] = Object.values(PORTS[machine]);
            const outcomes = (ssh: Attempt, event: Attempt) => Object.fromEntries([[22, ssh] as const, ...events.map((port) => [port, event] as const)]);
            assert.deepEqual(network.attempts(other, machine, [22, ...events]), outcomes("silent", "open"));
            assert.deepEqual(network.attempts(DEPLOYER, machine, [22, ...events]), outcomes("open", "silent"));
        }
    });

    it("is attested anew by a refresh, which finds it as it was", async () => {
        await run("refresh", "--yes", "--skip-preview", "--expect-no-changes");
    });

    it("has key and passphrase neither in its state, nor in what the CLI has printed, nor in a file of the project or of a node", async () => {
        const state = await project.state();
        for (const secret of secrets) assert.deepEqual([formsIn(Buffer.from(state), secret), formsIn(Buffer.from(printed), secret)], [[], []]);
        assert.match(printed, /"level":"INFO"/, "there is no log to search");
        // They are in there, encrypted.
        assert.ok(formsIn(Buffer.from(await project.pulumi("stack", "export", "--show-secrets")), secrets[1]!).includes("raw"));
        for (const machine of MACHINES) assert.ok(fs.existsSync(hosts[machine].nodes), "there are no nodes to search");
        assert.deepEqual(searched().flatMap((folder) => hitsBelow(folder, secrets)), []);
        for (const folder of searched()) for (const secret of secrets) {
            const planted = path.join(folder, "planted");
            fs.writeFileSync(planted, `key: ${secret.toString("base64")}\n`);
            try {
                assert.ok(hitsBelow(folder, secrets).includes(`${planted}: base64+0`), `not found in ${folder}`);
            } finally {
                fs.rmSync(planted);
            }
        }
    });

    it("is destroyed without leaving a process, a file or a port on a machine", async () => {
        await run("destroy", "--yes", "--skip-preview");
        await closeConnections();
        for (const machine of MACHINES) {
            assert.deepEqual(commandLines().filter((line) => line.includes(hosts[machine].nodes)), []);
            assert.equal(fs.existsSync(hosts[machine].nodes), false);
            assert.deepEqual(offered(machine), ["tcp 22"]);
        }
        assert.deepEqual(searched().flatMap((folder) => hitsBelow(folder, secrets)), []);
        for (const secret of secrets) assert.deepEqual(formsIn(Buffer.from(printed), secret), []);
    });
});
