// `authentic pins` and `measure` against real modules and real builds.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { DeployedStack } from "../../provider/stack/stack";
import { Deployed } from "./deployed";

describe("devices and measurements of a stack", function () {
    this.timeout(120_000);
    const deployed = new Deployed();
    before(() => deployed.up());
    after(() => deployed.remove());

    const work = () => DeployedStack.fromExport(JSON.parse(deployed.exported())).call("talker", "work", new Uint8Array());

    describe("authentic pins", () => {
        it("sets what a device shows, and shows what the module wrote", async () => {
            assert.match((await deployed.on("pins", "talker")).stdout, /^talker has written nothing$/m);
            const set = await deployed.on("pins", "talker", "knob=0x29");
            assert.equal(set.code, 0, set.stderr);
            await work();
            assert.match((await deployed.on("pins", "talker")).stdout, /^lamp +42 +1 +\d{4}-/m);
            const { pins } = JSON.parse((await deployed.on("pins", "talker", "--json")).stdout) as { pins: { name: string; value: number; writes: string }[] };
            assert.deepEqual(pins.map(({ name, value, writes }) => [name, value, writes]), [["lamp", 42, "1"]]);
        });

        it("takes the name of a node for all modules there", async () => {
            const set = await deployed.on("pins", "field", "knob=0x29");
            assert.equal(set.code, 0, set.stderr);
            assert.match(set.stdout, /^lamp +42 +1 +\S+ +talker$/m);
            assert.match((await deployed.on("pins", "field", "knbo=1")).stderr, /Did you mean "knob"\?/);
        });

        it("refuses devices that the module does not read, and values that are none, and then sets nothing", async () => {
            for (const [settings, expected] of [
                [["knob=7", "lamp=1"], /reads no device "lamp"\. The only one of the devices that it reads is knob/],
                [["knbo=1"], /Did you mean "knob"\?/],
                [["knob=4294967296"], /AE-CLI-PIN/],
                [["knob=-1"], /AE-CLI-PIN/],
                [["knob"], /DEVICE=VALUE/],
            ] as const) {
                const run = await deployed.on("pins", "talker", ...settings);
                assert.deepEqual([run.code, run.stdout], [2, ""]);
                assert.match(run.stderr, expected);
            }
            await work();
            assert.match((await deployed.on("pins", "talker")).stdout, /^lamp +42 +2 /m);
        });
    });

    describe("authentic measure", () => {
        it("finds the measurements of the stack, from anywhere and without secrets, and exports them", async () => {
            const file = path.join(deployed.base, "references.json");
            const run = await deployed.start(["measure", "--state", "-", "--output", file, "--sources", "/"], deployed.exported({ secrets: false })).end;
            assert.equal(run.code, 0, run.stdout + run.stderr);
            assert.match(run.stdout, /2 of 2 are those of the stack/);
            const document = JSON.parse(fs.readFileSync(file, "utf8")) as { format: string; modules: Record<string, { measurement: string; tee: string }> };
            assert.equal(document.format, "pulumi-authentic/reference-values/1");
            for (const name of ["talker", "listener"]) assert.equal(document.modules[name]!.measurement, deployed.stack.outs("Module", name)["measurement"]);
        });

        it("tells other sources from another configuration, with exit code 3", async () => {
            const config = await deployed.start(["measure", "talker", "--state", "-"], deployed.exported({ change: (outs, name) => name === "talker" ? { ...outs, config: { step: 2 } } : outs })).end;
            assert.equal(config.code, 3);
            assert.match(config.stdout, /talker +native +[0-9a-f]{64} +different[^]*the configuration in the stack/);
            const older = await deployed.start(["measure", "talker", "--state", "-"], deployed.exported({ change: (outs, name) => name === "talker" ? { ...outs, measurement: "0".repeat(64), toolchain: { zig: "0.1.2" } } : outs })).end;
            assert.match(older.stdout, /different[^]*it was built with zig 0\.1\.2, and here with 0\.\d+/);
            const source = path.join(deployed.base, "listener.c");
            const text = fs.readFileSync(source, "utf8");
            try {
                fs.writeFileSync(source, text.replace("heard++", "heard += 2"));
                assert.match((await deployed.on("measure", "listener")).stdout, /different[^]*the sources are other ones/);
                fs.writeFileSync(source, "int broken(");
                const run = await deployed.on("measure", "listener", "--json");
                assert.equal(run.code, 3);
                const { modules } = JSON.parse(run.stdout) as { modules: { outcome: string; error: string }[] };
                assert.equal(modules[0]!.outcome, "failed");
                assert.match(modules[0]!.error, /listener\.c:1/);
            } finally {
                fs.writeFileSync(source, text);
            }
        });

        it("looks for the sources where the program of the project is", async () => {
            const project = path.join(deployed.base, "project");
            fs.mkdirSync(path.join(project, "program"), { recursive: true });
            fs.writeFileSync(path.join(project, "Pulumi.yaml"), "name: p\nruntime: nodejs\nmain: program/index.ts # the program\n");
            fs.copyFileSync(path.join(deployed.base, "listener.c"), path.join(project, "program", "listener.c"));
            fs.mkdirSync(path.join(deployed.base, "bin"), { recursive: true });
            const exported = deployed.exported({ secrets: false, change: (outs, name) => name === "listener" ? { ...outs, source: ["listener.c"] } : outs });
            fs.writeFileSync(path.join(deployed.base, "exported.json"), exported);
            fs.writeFileSync(path.join(deployed.base, "bin", "pulumi"), `#!/bin/sh\n[ "$3" = --non-interactive ] && exec cat ${path.join(deployed.base, "exported.json")}\nexit 1\n`, { mode: 0o755 });
            const before = process.env["PATH"];
            process.env["PATH"] = `${path.join(deployed.base, "bin")}:${before ?? ""}`;
            try {
                const run = await deployed.start(["measure", "listener", "--cwd", project]).end;
                assert.equal(run.code, 0, run.stdout + run.stderr);
            } finally {
                process.env["PATH"] = before;
            }
        });
    });
});
