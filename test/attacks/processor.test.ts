// The owner of a machine runs a module's enclave without the module host, and enters it as no honest host does. What the
// processor stops is shown with its refusals; what the kit stops, with a kit that does not.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { sgx, signedImage } from "../../provider/tee/sgx/sgx";
import { intrude } from "../../tools/attacker/intruder";
import { vendorKey } from "../lifecycle/vendor-key";
import { withKit } from "./system";
import { type Patch, weakenedKit } from "./weakened";

/** An entry that takes several times the limit of the intruder on any processor, and ends by itself. */
const SLOW = "#include <authentic.h>\nAUTHENTIC_ENTRY(slow, 0) { (void)data; (void)length; for (volatile uint64_t i = 0; i < 1000000000; i++) {} }\n";
const port = (from: string, to: string): Patch => ({ file: "ports/sgx/port.c", from, to });

describe("an attacker who enters an enclave", function () {
    this.timeout(180_000);
    let base: string;
    before(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "processor-"));
        fs.writeFileSync(path.join(base, "slow.c"), SLOW);
    });
    after(() => { fs.rmSync(base, { recursive: true }); });

    /** What the attempt found with a module of the kit without some of its checks. */
    async function attempt(name: string, without: readonly Patch[], ...rest: string[]): Promise<Record<string, unknown>> {
        const kit = weakenedKit(without);
        try {
            const build = await withKit(kit.folder, () => sgx.build({ name: "slow", sources: [path.join(base, "slow.c")] }));
            const measured = { deployment: new Uint8Array(16), instance: new Uint8Array(16), deployerKey: new Uint8Array(32), values: {} };
            const image = path.join(base, "image");
            fs.writeFileSync(image, signedImage(sgx.finalize(build, measured), vendorKey()));
            return await intrude(name, image, ...rest);
        } finally {
            kit.remove();
        }
    }

    it("at any other place than its one TCS is refused, each time", async () => {
        const { attempts, refused, entered, genuine } = await attempt("entries", []) as { attempts: number; refused: Record<string, number>; entered: string[]; genuine: string };
        assert.deepEqual(entered, []);
        assert.ok(attempts > 300, "hardly anything was tried");
        assert.equal(Object.values(refused).reduce((sum, one) => sum + one, 0), attempts);
        assert.deepEqual(Object.keys(refused).map((why) => /with (#\w+)$/.exec(why)?.[1]).sort(), ["#GP", "#PF"]);
        assert.equal(genuine, "returned 0", "the enclave cannot be entered at all");
    });

    it("cannot go on with an entry after the keys are erased, which succeeds with a kit that does not give it up", async () => {
        const whole = await attempt("resume", [], "0");
        assert.match(String(whole["interrupted"]), /time limit/);
        assert.equal(whole["givenUp"], "returned 4");
        assert.match(String(whole["resumed"]), /fault #UD at enclave\+/);
        assert.equal(whole["wentOn"], false);
        const weak = await attempt("resume", [port("if (!failed) give_up();", "")], "0");
        assert.match(String(weak["interrupted"]), /time limit/);
        assert.deepEqual([weak["givenUp"], weak["wentOn"]], ["returned 4", true]);
    });

    it("cannot make it take its own memory for shared memory, which succeeds with a kit that does not look", async () => {
        assert.deepEqual(await attempt("pointer", []), { started: "returned 4", ran: "returned 4", overwrote: false });
        const weak = await attempt("pointer", [port("(end <= base || start >= base + size)", "end > base && size > 0")]);
        assert.deepEqual(weak, { started: "returned 0", ran: "returned 0", overwrote: true });
    });
});
