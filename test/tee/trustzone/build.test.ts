// Images and firmware of TrustZone boards: the same bytes everywhere, and what their measurements cover.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import path from "node:path";
import { packageFolder } from "../../../provider/build/folders";
import { openKit } from "../../../provider/build/kit";
import { hex } from "../../../provider/protocol/bytes";
import { buildBoardSoftware } from "../../../provider/tee/trustzone/firmware";
import { trustzone } from "../../../provider/tee/trustzone/trustzone";
import { MODULES } from "./board";

const MEASURED = { deployment: new Uint8Array(16), instance: new Uint8Array(16), deployerKey: new Uint8Array(32), values: { limit: 100, label: "valve" } };

describe("Images for TrustZone boards", function () {
    this.timeout(300_000);

    it("are the same bytes from another folder, another HOME and an empty cache, and so is the firmware", async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-elsewhere-"));
        try {
            const here = await trustzone.build({ name: "valve", sources: [path.join(MODULES, "valve.c")] });
            const { firmware, nonsecure } = await buildBoardSoftware();
            fs.cpSync(MODULES, path.join(folder, "deep", "modules"), { recursive: true });
            fs.cpSync(path.join(packageFolder(), "runtime", "trustzone", "firmware"), path.join(folder, "other", "firmware"), { recursive: true });
            const script = `const { tees } = require(process.argv[1]); const hex = (bytes) => Buffer.from(bytes).toString("hex");
                tees.trustzone.build({ name: "valve", sources: [process.argv[2]] }).then(async (build) => {
                    const { firmware, nonsecure } = await tees.trustzone.software();
                    console.log([build.image, firmware, nonsecure].map(hex).join(" "));
                });`;
            const [zig = ""] = await (await openKit()).zig();
            const output = execFileSync(process.execPath, ["-e", script, path.join(packageFolder(), "dist/provider/tee/registry.js"), path.join(folder, "deep/modules/valve.c")], {
                env: { PATH: process.env["PATH"], HOME: folder, AUTHENTIC_CACHE: path.join(folder, "cache"), AUTHENTIC_ZIG: zig, AUTHENTIC_FIRMWARE: path.join(folder, "other", "firmware"), TZ: "Asia/Tokyo" },
                cwd: folder, maxBuffer: 16 << 20,
            });
            assert.deepEqual(output.toString().trim().split(" "), [here.image, firmware, nonsecure].map(hex));
        } finally {
            fs.rmSync(folder, { recursive: true, force: true });
        }
    });

    it("are measured with their configuration and with the peripherals of their devices", async () => {
        const build = await trustzone.build({ name: "valve", sources: [path.join(MODULES, "valve.c")] });
        const measured = (changes: object) => hex(trustzone.finalize(build, { ...MEASURED, devices: { tap: "led0" }, ...changes }).measurement);
        const first = measured({});
        assert.equal(measured({}), first);
        const others = [{ devices: { tap: "led1" } }, { devices: {} }, { values: { limit: 101, label: "valve" } }, { deployerKey: new Uint8Array(32).fill(1) }].map(measured);
        assert.equal(new Set([first, ...others]).size, 5);
        assert.throws(() => measured({ devices: { tap: "led8" } }), /AE-TRUSTZONE-DEVICE/);
        assert.throws(() => measured({ devices: { motor: "led0" } }), /AE-TRUSTZONE-DEVICE/);
    });

    it("leave room in a slot for the module beside the kit", async () => {
        const { sizes } = await trustzone.build({ name: "counter", sources: [path.join(MODULES, "counter.c")] });
        assert.ok(sizes.text + sizes.data < 256 * 1024);
    });
});
