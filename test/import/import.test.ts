// `authentic import`: what is carried over, what is said of the rest, and what is never written.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { stringify } from "yaml";
import { readDescriptor } from "../../provider/application/descriptor";
import { AuthenticError } from "../../provider/errors";
import { importDescriptor, type ImportOutcome } from "../../provider/import/import";
import { MAIN } from "../cli/deployed";
import { ALL_KINDS, KEYS, ONE_KIND } from "./descriptors";

describe("authentic import", function () {
    this.timeout(60_000);
    let base: string;
    beforeEach(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-import-"));
    });
    afterEach(() => fs.rmSync(base, { recursive: true }));

    const file = (descriptor: unknown) => {
        const full = path.join(base, "descriptor.json");
        fs.writeFileSync(full, JSON.stringify(descriptor, null, 4));
        return full;
    };
    const run = (...args: string[]) => spawnSync(process.execPath, [MAIN, "import", ...args], { encoding: "utf8", cwd: base });
    const imported = (descriptor: unknown, force = false, text = JSON.stringify(descriptor, null, 4)): ImportOutcome =>
        importDescriptor({ text, file: "descriptor.json", name: "out", folder: path.join(base, "out"), packages: { "pulumi-authentic": "1.0.0" }, force });
    const refused = (descriptor: unknown): string => {
        try {
            imported(descriptor, false, typeof descriptor === "string" ? descriptor : undefined);
        } catch (error) {
            assert.ok(error instanceof AuthenticError);
            return error.message;
        }
        assert.fail("nothing was refused");
    };
    const read = (name: string) => fs.readFileSync(path.join(base, "out", name), "utf8");
    const application = (environment = "dev") => readDescriptor(path.join(base, "out", "application.yaml"), { stack: environment }).application;
    /** `nodes[0].host` → why, for all leftovers. */
    const left = ({ leftovers }: ImportOutcome) => new Map(leftovers.map((one) => [one.path.map((step) => typeof step === "number" ? `[${step}]` : `.${String(step)}`).join("").slice(1), one]));

    it("carries over nodes, modules, connections and periodic events of every kind", () => {
        imported(ALL_KINDS);
        const { nodes, modules, connections, triggers, deployment } = application();
        assert.deepEqual(nodes, {
            node_sgx: { tee: "sgx", backend: "emulated" }, "node-native": { tee: "native" }, node_sancus: { tee: "sancus", backend: "emulated", vendorId: 4660 }, node_tz: { tee: "trustzone", backend: "emulated" },
        });
        assert.deepEqual(modules, {
            ledger: { node: "node_sgx", source: "modules/ledger.rs" }, desk: { node: "node-native", source: "modules/desk.rs" },
            button: { node: "node_sancus", source: "modules/button.c" }, lamp: { node: "node_tz", source: "modules/lamp.c" },
        });
        assert.deepEqual(connections, {
            "button-pressed-lamp-toggle": { from: "button.output.pressed", to: "lamp.input.toggle", suite: "spongewrap-128" },
            "lamp-toggled-ledger-pressed": { from: "lamp.output.toggled", to: "ledger.input.pressed", suite: "aes-128-gcm" },
            "desk-ask-ledger-count": { from: "desk.request.ask", to: "ledger.handler.count", suite: "aes-128-gcm" },
            query: { from: "deployer", to: "desk.handler.query" },
        });
        assert.deepEqual(triggers, { event0: { module: "button", entry: "press", every: 200 } });
        assert.deepEqual(deployment, { protect: false });
        const prod = application("prod");
        assert.deepEqual(prod.nodes["node_sancus"], { tee: "sancus", backend: "hardware", vendorId: 4660, device: { config: "node_sancus-device" }, vendorKey: { secret: "node_sancus-vendorKey" } });
        assert.deepEqual(prod.nodes["node_tz"], { tee: "trustzone", backend: "hardware", device: { config: "node_tz-device" } });
        assert.deepEqual([prod.nodes["node_sgx"]?.backend, prod.deployment], ["hardware", { vendorKey: { secret: "vendorKey" } }]);
        assert.match(read("Pulumi.dev.yaml"), /emulated: true\n\s+native: true/);
    });

    it("reads YAML alike", () => {
        const json = imported(ALL_KINDS);
        const before = read("application.yaml");
        const yaml = imported(ALL_KINDS, true, stringify(ALL_KINDS));
        assert.deepEqual(yaml.leftovers.map(({ path: where, why }) => [where, why]), json.leftovers.map(({ path: where, why }) => [where, why]));
        assert.equal(read("application.yaml"), before);
    });

    it("is a command, which says what it did and what is left, for people and for programs", () => {
        const text = run(file(ALL_KINDS), "--output", "out");
        assert.deepEqual([text.status, text.stderr], [0, ""]);
        assert.match(text.stdout, /^11 files in .*\/out: 4 nodes, 4 modules, 4 connections, 1 triggers\n/);
        assert.match(text.stdout, /descriptor\.json:13:28 `nodes\[0\]\.deploy_port`: is the port for new modules\. Nothing to do: they are loaded/);
        const json = JSON.parse(run(file(ALL_KINDS), "--output", "out", "--force", "--json").stdout) as ImportOutcome;
        assert.deepEqual([json.kept.length, json.files.length, json.commands.length], [4, 7, 4]);
        assert.deepEqual(json.leftovers.find(({ path: where }) => where.at(-1) === "manager")?.path, ["manager"]);
        const again = run(file(ALL_KINDS), "--output", "out");
        assert.equal(again.status, 2);
        assert.match(again.stderr, /^AE-IMPORT-EXISTS: /);
        assert.match(run("nowhere.json").stderr, /^AE-CLI-FILE: /);
    });

    it("never writes a key, wherever one stands, and names the commands that set it", () => {
        for (const descriptor of [ALL_KINDS, ...Object.values(ONE_KIND)]) {
            const outcome = imported(descriptor, true);
            const files = fs.readdirSync(path.join(base, "out"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), "utf8"));
            assert.ok(files.length > 7);
            for (const key of Object.values(KEYS)) {
                assert.ok(![JSON.stringify(outcome), ...files].some((one) => one.includes(key)));
            }
            fs.rmSync(path.join(base, "out"), { recursive: true });
        }
        const { commands } = imported(ALL_KINDS);
        assert.deepEqual(commands.map((one) => one.replace(/ +#.*/, "")), [
            "pulumi config set --stack prod node_sancus-device VALUE", "pulumi config set --stack prod node_tz-device VALUE", "pulumi config set --stack prod --secret vendorKey < 'cred/vendor key.pem'",
            "pulumi config set --stack prod --secret node_sancus-vendorKey",
        ].sort((a, b) => commands.findIndex((one) => one.startsWith(a)) - commands.findIndex((one) => one.startsWith(b))));
        for (const command of commands) assert.ok(read("IMPORT.md").includes(command));
    });

    it("lists exactly the fields without equivalent, each with its place and what to do instead", () => {
        const expected: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
            sgx: {
                "manager": /attests every module itself/, "nodes[0].ip_address": /docs\/ssh\.md/, "nodes[0].reactive_port": /set `port`/, "nodes[0].deploy_port": /control socket/,
                "nodes[0].aesm_host": /quoting service/, "nodes[0].aesm_port": /quoting service/, "nodes[0].module_id": /follow from/,
                "modules[0].ra_settings": /authentic:trust\.sgx/, "modules[0].features": /default/, "modules[1].ra_settings": /authentic:trust\.sgx/, "modules[1].features": /default/, "modules[1].vendor_key": /one key/,
                "connections[2].to_input": /"event3"/, "connections[2].key": /drawn anew/, "connections[2].nonce": /state/, "connections[2].id": /state/, "connections[2].established": /state/,
            },
            native: {
                "nodes[0].host": /docs\/ssh\.md/, "nodes[0].reactive_port": /port/, "nodes[0].type": /authentic:trust\.native true/, "nodes[0].name": /"node-native"/,
                "modules[0].folder": /docs\/import\.md/, "modules[0].priority": /Pulumi orders/,
                "connections[0].to_input": /"in_event"/, "connections[1].to_input": /"in_event"/, "periodic-events[0].frequency": /10 ms/, "periodic-events[0].entry": /"loop_event"/,
            },
            sancus: {
                "nodes[0].host": /docs\/ssh\.md/, "nodes[0].reactive_port": /port/, "modules[0].files": /docs\/import\.md/, "modules[0].cflags[1]": /includes/, "modules[0].cflags[2]": /includes/, "modules[0].ldflags": /links/,
                "modules[1].deployed": /AUTHENTIC_DEVICE/, "modules[1].id": /state/, "modules[1].key": /drawn anew/, "modules[1].nonce": /state/,
                "connections[0].to_input": /"event1"/, "connections[1].to_input": /"event0"/, "connections[1]": /a module on a server/,
            },
            trustzone: {
                "nodes[0].host": /docs\/ssh\.md/, "nodes[0].reactive_port": /port/, "nodes[0].vendor_id": /attestation key/, "nodes[0].node_key": /enrol the device/, "nodes[0].type": /authentic:trust\.psa\.devices/,
                "modules[0].files_dir": /docs\/import\.md/, "modules[0].id": /state/, "modules[0].uuid": /state/, "modules[0].inputs": /source/,
            },
        };
        for (const [kind, descriptor] of Object.entries(ONE_KIND)) {
            const outcome = imported(descriptor, true);
            const found = left(outcome);
            assert.deepEqual([...found.keys()].sort(), Object.keys(expected[kind] ?? {}).sort(), kind);
            for (const [field, instead] of Object.entries(expected[kind] ?? {})) assert.match(found.get(field)?.instead ?? "", instead, `${kind} ${field}`);
            // The place is that of the value in the file.
            const lines = JSON.stringify(descriptor, null, 4).split("\n");
            for (const { at, path: where } of outcome.leftovers) {
                const [, line = "", column = ""] = /^descriptor\.json:(\d+):(\d+)$/.exec(at) ?? [];
                const rest = lines[Number(line) - 1]?.slice(Number(column) - 1) ?? "";
                const value = where.reduce<unknown>((of, step) => (of as Record<PropertyKey, unknown>)[step], descriptor);
                const begin = typeof value === "object" ? (typeof where.at(-1) === "string" ? `"${String(where.at(-1))}"` : "{") : JSON.stringify(value);
                assert.ok(rest.startsWith(begin), `${at} is not where ${where.map(String).join(".")} stands: ${rest}`);
            }
        }
    });

    it("lists vendors' ids and keys of nodes and modules that have none here", () => {
        const all = ALL_KINDS as unknown as Record<"nodes" | "modules", readonly { readonly type: string }[]>;
        const vendor = { vendor_id: 77, vendor_key: "e5".repeat(16) };
        const found = left(imported({ ...all, nodes: all.nodes.map((node) => ({ ...node, ...vendor })), modules: all.modules.map((module) => ({ ...module, vendor_key: "cred/key.pem" })) }));
        const kinds = (section: "nodes" | "modules", field: string) => all[section].flatMap(({ type }, index) => found.has(`${section}[${index}].${field}`) ? [type] : []).sort();
        assert.deepEqual(kinds("nodes", "vendor_id"), ["native", "sgx", "trustzone"]);
        assert.deepEqual(kinds("nodes", "vendor_key"), ["native", "sgx", "trustzone"]);
        assert.deepEqual(kinds("modules", "vendor_key"), ["native", "sancus", "trustzone"]);
        assert.ok(!read("IMPORT.md").includes(vendor.vendor_key));
    });

    it("lists a field that nobody knows", () => {
        const found = left(imported({ ...ALL_KINDS, colour: "blue" }));
        assert.match(found.get("colour")?.why ?? "", /no field that reactive-tools is known to have/);
    });

    it("carries definitions over, and keys of 64 bits", () => {
        imported(ONE_KIND["sancus"]);
        assert.deepEqual(application().modules["button_driver"]?.defines, { DEBOUNCE: "3" });
        const weak = structuredClone(ONE_KIND["sancus"]) as { nodes: { vendor_key: string }[] };
        weak.nodes[0]!.vendor_key = "4078d505d82099ba";
        imported(weak, true);
        const { nodes, connections } = application();
        assert.deepEqual([nodes["node_sancus"]?.security, Object.values(connections ?? {}).map(({ suite }) => suite)], [64, ["spongewrap-64"]]);
        assert.match(read("Pulumi.dev.yaml"), /sancus:\n\s+minimumSecurity: 64/);
    });

    it("writes over nothing without --force, and never over the sources of modules", () => {
        fs.mkdirSync(path.join(base, "out", "modules"), { recursive: true });
        fs.writeFileSync(path.join(base, "out", "modules", "lamp.c"), "// mine\n");
        assert.deepEqual(imported(ALL_KINDS).kept, ["modules/lamp.c"]);
        fs.writeFileSync(path.join(base, "out", "index.ts"), "// changed\n");
        const before = fs.readdirSync(path.join(base, "out"), { recursive: true }).sort();
        assert.match(refused(ALL_KINDS), /^AE-IMPORT-EXISTS: .* has Pulumi\.yaml, package\.json, index\.ts, application\.yaml, Pulumi\.dev\.yaml, Pulumi\.prod\.yaml and IMPORT\.md already/);
        assert.deepEqual(fs.readdirSync(path.join(base, "out"), { recursive: true }).sort(), before);
        assert.equal(read("index.ts"), "// changed\n");
        const forced = imported(ALL_KINDS, true);
        assert.deepEqual([...forced.kept].sort(), ["modules/button.c", "modules/desk.rs", "modules/lamp.c", "modules/ledger.rs"]);
        assert.match(read("index.ts"), /new ae\.Application\("out"/);
        assert.equal(read("modules/lamp.c"), "// mine\n");
    });

    it("says everything that keeps a descriptor from being understood, with its place, and writes nothing", () => {
        const wrong = structuredClone(ALL_KINDS) as unknown as { nodes: Record<string, unknown>[]; modules: Record<string, unknown>[]; connections: Record<string, unknown>[] };
        wrong.modules[0]!["node"] = "node_sg";
        wrong.modules[1]!["type"] = "sgx";
        wrong.connections[0]!["to_module"] = "lam";
        wrong.connections[1]!["to_handler"] = "both";
        Reflect.deleteProperty(wrong.connections[2]!, "from_request");
        const said = refused(wrong);
        for (const part of [
            /descriptor\.json:\d+:\d+ modules\.0\.node: there is no node "node_sg"; did you mean "node_sgx"\?/, /modules\.1\.type: a module of type sgx does not run on node "node native"/,
            /connections\.0\.to_module: there is no module "lam"; did you mean "lamp"\?/, /connections\.1: needs either to_input or to_handler; add the one where events arrive/, /connections\.2: needs from_module and either from_output or from_request, or `direct: true`; add what is missing/,
        ]) {
            assert.match(said, part);
        }
        assert.match(refused({ nodes: [{ type: "sgxx", name: "n" }] }), /nodes\.0\.type: must be sgx, native, sancus or trustzone; did you mean "sgx"\?[^]*modules: is missing/);
        assert.match(refused("{"), /^AE-IMPORT-DESCRIPTOR: /);
        assert.ok(!fs.existsSync(path.join(base, "out")));
    });
});
