import assert from "node:assert/strict";
import { source } from "./source";

describe("progress", () => {
    const record = (isTTY: boolean) => {
        const written: string[] = [];
        const out = { isTTY, columns: 60, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
        return { written, out };
    };
    const time = /\((\d+\.\d\d s)\)/;

    it("gives a step that has nothing to do one line", async () => {
        const { Progress } = await source("progress");
        const { written, out } = record(false);
        await new Progress(out).step("Zig", () => Promise.resolve());
        assert.equal(written.length, 1);
        assert.match(written[0] ?? "", /^ {2}✓ Zig {2}/);
        assert.match(written[0] ?? "", time);
    });

    it("says what a step does, once, and hands its result on", async () => {
        const { Progress } = await source("progress");
        const { written, out } = record(false);
        const result = await new Progress(out).step("Zig", (say) => {
            say("downloading");
            say("unpacking");
            return Promise.resolve(7);
        });
        assert.equal(result, 7);
        assert.equal(written.length, 2);
        assert.equal(written[0], "  … Zig: downloading\n");
    });

    it("marks a step that failed and passes the error on", async () => {
        const { Progress } = await source("progress");
        const { written, out } = record(false);
        await assert.rejects(new Progress(out).step("Zig", () => Promise.reject(new Error("no network"))), /no network/);
        assert.match(written[0] ?? "", /^ {2}✗ Zig/);
    });

    it("keeps a terminal's live line within its width and clears it at the end", async () => {
        const { Progress } = await source("progress");
        const { written, out } = record(true);
        const progress = new Progress(out);
        progress.live = true;
        await progress.step("Pulumi", async (say) => {
            say("x".repeat(200));
            await new Promise((resolve) => setTimeout(resolve, 300));
        });
        const lines = written.filter((text) => text.includes("…"));
        assert.ok(lines.length > 0);
        for (const line of lines) assert.ok(line.replace("\r\x1b[2K", "").length < 60);
        assert.match(written.at(-1) ?? "", /^\r\x1b\[2K {2}✓ Pulumi/);
    });

    it("writes durations in the unit that suits them", async () => {
        const { duration } = await source("progress");
        assert.equal(duration(1234), "1.23 s");
        assert.equal(duration(12_345), "12.3 s");
        assert.equal(duration(125_000), "2 min 05 s");
    });
});
