import assert from "node:assert/strict";
import { source } from "./source";

const CARGO = `
     Running unittests src/lib.rs (target/release/deps/wire-1)

running 3 tests
test frame::round_trip ... ok
test frame::slow ... ignored, needs hardware
test frame::overflow - should panic ... ok

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/agent.rs (target/release/deps/agent-2)

running 2 tests
test starts ... FAILED
test stops ... ok

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s
`;

describe("test results", () => {
    it("of cargo are added up over all binaries", async () => {
        const { CargoResults } = await source("results");
        const cargo = new CargoResults();
        for (const line of CARGO.split("\n")) cargo.add(line);
        assert.deepEqual(cargo.results, { passed: 3, failed: 1, skipped: [{ file: "src/lib.rs", title: "frame::slow" }] });
    });

    it("of mocha name the source of a skipped test", async () => {
        const { mochaResults } = await source("results");
        const json = JSON.stringify({ passed: 5, failed: 0, skipped: [{ file: "/p/dist/test/attest/dcap.test.js", title: "quotes verify" }] });
        assert.deepEqual(mochaResults(json, "/p"), { passed: 5, failed: 0, skipped: [{ file: "test/attest/dcap.test.ts", title: "quotes verify" }] });
    });

    it("close with one line", async () => {
        const { closingLine, sum } = await source("results");
        const a = { passed: 2, failed: 1, skipped: [] };
        assert.equal(closingLine(a), "2 passed, 1 failed");
        assert.equal(closingLine(sum([a, { passed: 3, failed: 0, skipped: [{ file: "f", title: "t" }] }])), "5 passed, 1 failed, 1 skipped");
    });

    it("count a run that broke off, and one without tests, as a failure", async () => {
        const { settle } = await source("tests");
        const nothing = { passed: 0, failed: 0, skipped: [] };
        assert.equal(settle({ ...nothing, passed: 4 }, 1, "mocha").failed, 1);
        assert.equal(settle(nothing, 0, "mocha").failed, 1);
        assert.equal(settle({ ...nothing, failed: 2 }, 1, "mocha").failed, 2);
        assert.equal(settle({ ...nothing, passed: 4 }, 0, "mocha").failed, 0);
    });
});

describe("skipped tests", () => {
    const skips = [
        { file: "test/attest/dcap.test.ts", title: "quotes verify" },
        { file: "test/setup/zig.test.ts", title: "finding Zig works" },
    ];
    const allowed = [{ files: "test/attest/", title: "quotes", without: "vectors" }];

    it("are in order only where what they need is absent", async () => {
        const { unexpectedSkips } = await source("results");
        assert.deepEqual(unexpectedSkips(skips, allowed, () => false), [skips[1]]);
        assert.deepEqual(unexpectedSkips(skips, allowed, () => true), skips);
        assert.deepEqual(unexpectedSkips(skips, [], () => false), skips);
        assert.deepEqual(unexpectedSkips(skips, [{ files: "test/attest/", title: "tokens", without: "vectors" }], () => false), skips);
    });

    it("may need what is not on every machine", async () => {
        const { isPresent } = await source("tests");
        assert.equal(isPresent("/", "vectors", { AUTHENTIC_VECTORS: __dirname }), true);
        assert.equal(isPresent("/", "vectors", { AUTHENTIC_VECTORS: "/nowhere" }), false);
        assert.equal(isPresent("/", "program:sh", { PATH: "/bin" }), true);
        assert.equal(isPresent("/", "program:no-such-program", { PATH: "/bin" }), false);
        assert.equal(isPresent("/", "root"), process.getuid?.() === 0);
        assert.equal(isPresent("/", "rust-targets"), false);
        assert.throws(() => isPresent("/", "moon"), /unknown resource `moon`/);
    });
});
