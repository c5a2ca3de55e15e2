// An agent that was killed leaves its board behind: destroying the node ends that too, also where no module was ever on it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { killLocalAgent } from "../../provider/agent/local";
import * as ae from "../../resources";
import { commandLines } from "../processes";
import { Stack } from "./stack";

describe("a board whose agent was killed", function () {
    this.timeout(60_000);
    let base: string;

    beforeEach(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "left-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
    });
    afterEach(() => {
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const ofNode = () => commandLines().filter((line) => line.includes(base));

    for (const [tee, more] of [["sancus", { vendorId: 0x1234 }], ["trustzone", {}]] as const) {
        it(`is ended with its ${tee} node`, async () => {
            const stack = new Stack({ "authentic:trust": JSON.stringify({ emulated: true }) });
            await stack.up(() => { new ae.Node("n", { deployment: new ae.Deployment("d"), tee, backend: "emulated", ...more }); });
            const agent = ofNode().filter((line) => line.includes("authentic-agent"));
            assert.equal(agent.length, 1);
            await killLocalAgent(stack.outs("Node", "n")["folder"] as string);
            assert.ok(ofNode().length > 0, "the board has ended with its agent: there is nothing to see here");
            await stack.destroy();
            assert.deepEqual(ofNode(), []);
        });
    }
});
