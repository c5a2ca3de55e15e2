// Imported descriptors of reactive-tools under the real CLI: all kinds of nodes at once, with modules that were ported, and each
// kind with the sources that the import wrote.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { importDescriptor } from "../../provider/import/import";
import { DeployedStack } from "../../provider/stack/stack";
import { ALL_KINDS, ONE_KIND } from "../import/descriptors";
import { TestProject } from "./project";

const PORTED = {
    "modules/button.c": "#include <authentic.h>\nAUTHENTIC_OUTPUT(pressed, 1)\nAUTHENTIC_ENTRY(press, 0) {\n    (void)data;\n    (void)length;\n    pressed(\"\\1\", 1);\n}\n",
    "modules/lamp.c": "#include <authentic.h>\nAUTHENTIC_OUTPUT(toggled, 1)\nAUTHENTIC_INPUT(toggle, 1) {\n    if (length == 1) toggled(data, 1);\n}\n",
    "modules/ledger.rs": `#![no_std]
use authentic::{Local, Refused, handler, input};

static PRESSED: Local<u32> = Local::new(0);

#[input(1)]
fn pressed(data: &[u8]) {
    PRESSED.with(|pressed| *pressed += data.len() as u32);
}

#[handler(0, reply = 4)]
fn count(_data: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    reply[..4].copy_from_slice(&PRESSED.get().to_le_bytes());
    Ok(4)
}
`,
    "modules/desk.rs": `#![no_std]
use authentic::{Refused, handler, request};

#[request(0, reply = 4)]
fn ask(data: &[u8], reply: &mut [u8]) -> authentic::Result<usize>;

#[handler(0, reply = 4)]
fn query(data: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    Ok(ask(data, reply)?)
}
`,
};

describe("imported descriptors under the real CLI", function () {
    this.timeout(600_000);
    let project: TestProject | undefined;
    afterEach(async () => {
        await project?.attempt("destroy", "--yes", "--stack", "dev");
        project?.remove();
        project = undefined;
    });

    /** Imports into a project whose modules may be there already. */
    async function imported(descriptor: unknown, files: Record<string, string> = {}): Promise<TestProject> {
        project = new TestProject({ "descriptor.json": JSON.stringify(descriptor), ...files });
        const { kept } = importDescriptor({
            text: fs.readFileSync(path.join(project.folder, "descriptor.json"), "utf8"), file: "descriptor.json", name: "imported", folder: project.folder, packages: { "pulumi-authentic": "*" },
        });
        assert.deepEqual([...kept].sort(), Object.keys(files).sort());
        await project.begin();
        return project;
    }

    it("run, with all kinds of nodes, and their events take the ways that the descriptor says", async () => {
        const run = await imported(ALL_KINDS, PORTED);
        await run.pulumi("up", "--yes", "--skip-preview");
        const stack = DeployedStack.fromExport(JSON.parse(await run.pulumi("stack", "export", "--show-secrets")));
        const outputs = await run.outputs();
        assert.deepEqual(outputs["assurance"], { ledger: "emulated", desk: "none", button: "emulated", lamp: "emulated" });
        const pressed = async () => Buffer.from(await stack.request("query", new Uint8Array())).readUInt32LE();
        let counted = 0;
        for (let tries = 0; tries < 600 && counted < 3; tries++) {
            counted = await pressed();
            await sleep(100);
        }
        assert.ok(counted >= 3, `the enclave has counted ${counted} of the button's events`);
        assert.deepEqual(["button-pressed-lamp-toggle", "lamp-toggled-ledger-pressed", "desk-ask-ledger-count"].map((name) => stack.connection(name).suite), ["spongewrap-128", "aes-128-gcm", "aes-128-gcm"]);
        await run.pulumi("preview", "--expect-no-changes");
    });

    for (const [kind, descriptor] of Object.entries(ONE_KIND)) {
        it(`build with the sources that were written for modules of kind ${kind}`, async () => {
            const run = await imported(descriptor);
            const said = await run.pulumi("preview");
            assert.match(said, /\+ \d+ to create/);
            assert.doesNotMatch(said, /error|has a problem/);
        });
    }
});
