// Programs for the processors of other machines: where they are looked for, and what is said where there are none.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { howToBuild, machineArchitecture, otherProcessor, targetsOf } from "../../provider/agent/processors";
import { agentProgram } from "../../provider/agent/programs";
import { packageFolder } from "../../provider/build/folders";
import { tees } from "../../provider/tee/registry";

const OTHER = machineArchitecture() === "x86_64" ? "aarch64" : "x86_64";

describe("programs for another processor", () => {
    it("are built by an alias that cargo has, for a target that they are looked for under", () => {
        const aliases = fs.readFileSync(path.join(packageFolder(), "runtime", ".cargo", "config.toml"), "utf8");
        assert.equal(howToBuild(OTHER, "/runtime"), `run \`rustup target add ${OTHER}-unknown-linux-musl\` and \`cargo ${OTHER}\` in /runtime`);
        for (const processor of ["x86_64", "aarch64"]) {
            const target = `${processor}-unknown-linux-musl`;
            assert.ok(targetsOf(processor).includes(target));
            assert.match(aliases, new RegExp(`^${processor} = \\["build", "--release", "--locked", "--target", "${target}", `, "m"));
        }
        assert.equal(howToBuild(machineArchitecture(), "/runtime"), "run `cargo build --release --locked` in /runtime");
    });

    it("are not there for one that nodes do not run on, whatever it is called", async () => {
        for (const name of ["riscv64", "constructor", "../../x86_64"]) {
            await assert.rejects(agentProgram(name), (error: Error) => error.message === `AE-AGENT-BINARY: there is no agent for machines with ${name} processors. Choose a machine with one of these processors for the node: x86_64, aarch64.`);
        }
    });

    it("can be used for boards, and not for modules that are code for x86-64", () => {
        const fits = (tee: string, processor: string) => otherProcessor(tee, tees[tee]!.processors, processor) === undefined;
        assert.deepEqual(Object.keys(tees).filter((tee) => fits(tee, "aarch64")).sort(), ["sancus", "trustzone"]);
        assert.deepEqual(Object.keys(tees).filter((tee) => !fits(tee, "x86_64")), []);
    });
});
