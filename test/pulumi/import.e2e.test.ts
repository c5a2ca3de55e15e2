// Imported descriptors of reactive-tools under the real CLI: each kind of node, and all kinds at once. Each is imported by the
// command, ported as a person would, deployed, and passes events and requests on every connection.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse, stringify } from "yaml";
import type { DeployedStack } from "../../provider/stack/stack";
import { MAIN } from "../cli/deployed";
import { ALL_KINDS, ONE_KIND } from "../import/descriptors";
import { ALL_KINDS_PORTED, ONE_KIND_PORTED, type Ported } from "../import/ported";
import { TestProject } from "./project";

const TRIES = 600;
const number = (value: number): Uint8Array => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
};

/** What a deployed descriptor does, seen from outside: by what deployers send and ask, and by what pins show. */
interface Run {
    readonly stack: DeployedStack;
    /** What a device shows last. */
    readonly shown: (module: string, device: string) => Promise<number | undefined>;
}

/** Waits until something holds; what it was last is said otherwise. */
async function comes<T>(what: string, look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
    let seen = await look();
    for (let tries = 0; !holds(seen); tries++) {
        if (tries === TRIES) assert.fail(`${what}: it is ${String(seen)}`);
        await sleep(100);
        seen = await look();
    }
    return seen;
}

/** Connections of each descriptor with their suites, all of which `passes` uses. */
const KINDS: Readonly<Record<string, { readonly descriptor: unknown; readonly ported: Ported; readonly suites: Readonly<Record<string, string | undefined>>; readonly passes: (run: Run) => Promise<void> }>> = {
    sgx: {
        descriptor: ONE_KIND["sgx"], ported: ONE_KIND_PORTED.sgx, suites: { "source-send-sink-receive": "aes-128-gcm", ask: "spongewrap-128", start: undefined },
        passes: async ({ stack, shown }) => {
            for (const value of [1000, 200, 30]) await stack.send("start", number(value));
            await comes("the sum that the enclave shows", () => shown("source", "shown"), (sum) => sum === 1230);
        },
    },
    native: {
        descriptor: ONE_KIND["native"], ported: ONE_KIND_PORTED.native, suites: { "ping-out-pong-in": "aes-128-gcm", "pong-out-ping-in": "aes-128-gcm" },
        passes: async ({ shown }) => {
            const first = await comes("balls that came back", () => shown("ping", "returns"), (balls) => (balls ?? 0) >= 1);
            await comes("balls that came back", () => shown("ping", "returns"), (balls) => (balls ?? 0) >= (first ?? 0) + 3);
        },
    },
    sancus: {
        descriptor: ONE_KIND["sancus"], ported: ONE_KIND_PORTED.sancus, suites: { "button_driver-pressed-led_driver-1": "spongewrap-128" },
        passes: async ({ stack, shown }) => {
            for (const level of [1, 0, 1]) {
                await stack.setPin("button_driver", "button", level);
                await comes("the LED's port", () => shown("led_driver", "led"), (led) => led === level);
            }
        },
    },
    trustzone: {
        descriptor: ONE_KIND["trustzone"], ported: ONE_KIND_PORTED.trustzone, suites: { "gateway-toggle-lamp-toggle": "aes-128-gcm", press: undefined },
        passes: async ({ stack, shown }) => {
            for (const level of [1, 0, 1]) {
                assert.deepEqual([...await stack.request("press", Uint8Array.of(level))], [level]);
                await comes("the LED", () => shown("lamp", "led"), (led) => led === level);
            }
        },
    },
    "all kinds": {
        descriptor: ALL_KINDS, ported: ALL_KINDS_PORTED,
        suites: { "button-pressed-lamp-toggle": "spongewrap-128", "lamp-toggled-ledger-pressed": "aes-128-gcm", "desk-ask-ledger-count": "aes-128-gcm", query: undefined },
        passes: async ({ stack }) => {
            await comes("events of the button that the enclave has counted", async () => Buffer.from(await stack.request("query", new Uint8Array())).readUInt32LE(), (counted) => counted >= 3);
        },
    },
};

/** The one that is deployed before its modules are ported too. */
const LAST = "all kinds";

for (const [kind, { descriptor, ported, suites, passes }] of Object.entries(KINDS)) {
    describe(`an imported descriptor, ${kind}, under the real CLI`, function () {
        this.timeout(600_000);
        let project: TestProject;
        before(async () => {
            project = new TestProject({ "descriptor.json": JSON.stringify(descriptor) });
            execFileSync(process.execPath, [MAIN, "import", "descriptor.json", "--output", ".", "--name", "imported"], { cwd: project.folder });
            // The types of the program, the same for all, are checked once.
            if (kind !== LAST) project.env["PULUMI_NODEJS_TRANSPILE_ONLY"] = "true";
            await project.begin();
        });
        after(async () => {
            await project.attempt("destroy", "--yes", "--stack", "dev");
            project.remove();
        });

        it("builds with the sources that were written", async () => {
            const said = await project.pulumi("preview");
            assert.match(said, /\+ \d+ to create/);
            assert.doesNotMatch(said, /error|has a problem/);
        });

        if (kind === LAST) it("runs with the sources that were written, which do nothing yet", async () => {
            await project.pulumi("up", "--yes", "--skip-preview");
        });

        it("passes events and requests on every connection once its modules are ported", async () => {
            for (const [name, source] of Object.entries(ported.sources)) {
                assert.ok(fs.existsSync(path.join(project.folder, name)), `${name} was not written by the import`);
                project.write(name, source);
            }
            const application = parse(fs.readFileSync(path.join(project.folder, "application.yaml"), "utf8")) as { modules: Record<string, object>; connections: Record<string, object> };
            for (const [name, devices] of Object.entries(ported.devices ?? {})) Object.assign(application.modules[name] ?? assert.fail(name), { devices });
            project.write("application.yaml", stringify(application));
            await project.pulumi("up", "--yes", "--skip-preview");
            const { modules } = descriptor as { modules: { name: string; type: string }[] };
            assert.deepEqual((await project.outputs())["assurance"], Object.fromEntries(modules.map(({ name, type }) => [name, type === "native" ? "none" : "emulated"])));
            const stack = await project.deployed();
            assert.deepEqual(Object.keys(application.connections).sort(), Object.keys(suites).sort());
            for (const [name, suite] of Object.entries(suites)) {
                if (suite !== undefined) assert.equal(stack.connection(name).suite, suite, name);
            }
            await passes({ stack, shown: async (module, device) => (await stack.pins(module)).find(({ name }) => name === device)?.value });
            if (kind === LAST) await project.pulumi("preview", "--expect-no-changes");
        });
    });
}
