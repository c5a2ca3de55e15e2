// Builds: what they contain, that they are the same everywhere, when they are made anew, and every way to get one wrong.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readSections, sectionNamed } from "../../provider/build/elf";
import { cacheFolder, packageFolder } from "../../provider/build/folders";
import { requireRelocatable } from "../../provider/build/relocations";
import { decodeConfiguration } from "../../provider/protocol/configuration";
import { hex } from "../../provider/protocol/bytes";
import { nativeMeasurement } from "../../provider/protocol/configuration";
import type { Build } from "../../provider/tee/tee";
import { EVERYTHING, SMALL, Sources, errorOf, native } from "./fixture";

const measured = (values: Record<string, number | string> = {}): Parameters<typeof native.finalize>[1] =>
    ({ deployment: new Uint8Array(16).fill(1), instance: new Uint8Array(16).fill(2), deployerKey: new Uint8Array(32).fill(3), values });

describe("builds of native modules", () => {
    const sources = new Sources();
    after(() => sources.remove());

    it("contain the interface that the source declares", async () => {
        sources.write("everything.c", EVERYTHING);
        const { interface: declarations } = await sources.build("everything.c");
        const zero = { maximum: 0, replyMaximum: 0, burst: 0, version: 0, flags: 0 };
        assert.deepEqual(declarations, [
            { ...zero, kind: "input", name: "reading", maximum: 8 },
            { ...zero, kind: "output", name: "alarm", maximum: 16, burst: 1 },
            { ...zero, kind: "output", name: "many", maximum: 32, burst: 4 },
            { ...zero, kind: "entry", name: "poll", maximum: 64 },
            { ...zero, kind: "request", name: "ask", maximum: 10, replyMaximum: 20 },
            { ...zero, kind: "handler", name: "answer", maximum: 30, replyMaximum: 40 },
            { ...zero, kind: "state", name: "tank", maximum: 8, version: 7 },
            { ...zero, kind: "migration", name: "tank", maximum: 4, version: 6 },
            { ...zero, kind: "migration", name: "cache", flags: 1 },
            { ...zero, kind: "integer", name: "limit" },
            { ...zero, kind: "text", name: "label", maximum: 12 },
            { ...zero, kind: "device", name: "valve", flags: 1 },
            { ...zero, kind: "device", name: "probe", flags: 2 },
            { ...zero, kind: "device", name: "both", flags: 3 },
        ]);
    });

    it("are static position-independent executables with a page for the configuration", async () => {
        sources.write("small.c", SMALL);
        const build = await sources.build("small.c");
        const file = sources.write("image", "");
        writeFileSync(file, build.image);
        assert.equal(build.configurationSize, 4096);
        assert.equal(build.configurationOffset % 4096, 0);
        assert.ok(build.image.subarray(build.configurationOffset, build.configurationOffset + 4096).every((byte) => byte === 0));
        assert.deepEqual(build.codeMeasurement, nativeMeasurement(build.image));
        const view = new DataView(build.image.buffer, build.image.byteOffset);
        assert.equal(view.getUint16(16, true), 3, "ET_DYN");
        const segments = Array.from({ length: view.getUint16(56, true) }, (_, index) => 64 + index * 56).filter((at) => view.getUint32(at, true) === 1);
        assert.deepEqual(segments.map((at) => view.getUint32(at + 4, true)), [4, 5, 6, 6, 6], "nothing is writable and executable; each stack has a segment of its own");
        assert.ok(segments.every((at) => view.getBigUint64(at + 8, true) % 4096n === 0n && view.getBigUint64(at + 16, true) % 4096n === 0n));
    });

    it("are refused where they need a relocation that no port makes", async () => {
        sources.write("everything.c", EVERYTHING);
        const { image } = await sources.build("everything.c");
        const sections = readSections(image);
        requireRelocatable("tested", image, sections, 8);
        const changed = image.slice();
        // R_X86_64_IRELATIVE, in the last entry.
        const { offset, size } = sectionNamed(sections, ".rela.dyn");
        changed[offset + size - 16] = 37;
        assert.throws(() => requireRelocatable("tested", changed, sections, 8), /AE-BUILD-IMAGE: module "tested" needs a relocation of kind 37/);
    });

    it("are the same bytes from another folder, another HOME and an empty cache", async () => {
        const text = `#include <authentic.h>\n#include "unit.h"\nAUTHENTIC_ENTRY(where, 0) { authentic_log(__FILE__); authentic_log(UNIT); }\n`;
        const header = "#define UNIT __FILE__\n";
        const [one, other] = [new Sources(), new Sources()];
        try {
            for (const folder of [one, other]) {
                folder.write("deep/where.c", text);
                folder.write("include/unit.h", header);
            }
            const first = await one.request({ sources: [path.join(one.folder, "deep/where.c")], includes: [path.join(one.folder, "include")] });
            const script = `require(process.argv[1]).tees.native.build({name:"tested",sources:[process.argv[2]],includes:[process.argv[3]]}).then(b=>console.log(Buffer.from(b.codeMeasurement).toString("hex")))`;
            const output = execFileSync(process.execPath, ["-e", script, path.join(packageFolder(), "dist/provider/tee/registry.js"), path.join(other.folder, "deep/where.c"), path.join(other.folder, "include")],
                // A copy of the cache's Zig, but nothing that was built.
                { env: { PATH: process.env["PATH"], HOME: other.folder, AUTHENTIC_CACHE: path.join(other.folder, "cache"), AUTHENTIC_ZIG: process.env["AUTHENTIC_ZIG"] ?? zigOfCache(), TZ: "Asia/Tokyo" }, cwd: other.folder });
            assert.equal(output.toString().trim(), hex(first.codeMeasurement));
        } finally {
            one.remove();
            other.remove();
        }
    }).timeout(240_000);

    it("come from the cache while nothing changed, and are made anew when a source, header or definition did", async () => {
        const folder = new Sources();
        try {
            folder.write("limits.h", "#define MOST 8\n");
            folder.write("one.c", `#include <authentic.h>\n#include "limits.h"\nAUTHENTIC_INPUT(reading, MOST + EXTRA) {}\n`);
            const build = (EXTRA = "0"): Promise<Build> => folder.request({ sources: [path.join(folder.folder, "one.c")], defines: { EXTRA } });
            const maximum = async (extra?: string): Promise<number> => (await build(extra)).interface[0]!.maximum;
            const first = await build();
            const entries = countEntries();
            assert.deepEqual((await build()).image, first.image);
            assert.equal(countEntries(), entries, "nothing was built");
            folder.write("limits.h", "#define MOST 16\n");
            assert.equal(await maximum(), 16);
            folder.write("limits.h", "#define MOST 8\n");
            assert.deepEqual((await build()).image, first.image, "and back");
            assert.equal(await maximum("5"), 13);
            folder.write("one.c", `#include <authentic.h>\nAUTHENTIC_INPUT(reading, 99) {}\n`);
            assert.equal(await maximum(), 99);
        } finally {
            folder.remove();
        }
    });

    it("are made anew when a header appears before the one that was included", async () => {
        const folder = new Sources();
        try {
            folder.write("include/limits.h", "#define MOST 8\n");
            folder.write("one.c", `#include <authentic.h>\n#include "limits.h"\nAUTHENTIC_INPUT(reading, MOST) {}\n`);
            const build = (): Promise<Build> => folder.request({ sources: [path.join(folder.folder, "one.c")], includes: [path.join(folder.folder, "include")] });
            assert.equal((await build()).interface[0]!.maximum, 8);
            folder.write("limits.h", "#define MOST 24\n");
            assert.equal((await build()).interface[0]!.maximum, 24);
        } finally {
            folder.remove();
        }
    });

    it("never use a damaged cache entry", async () => {
        const folder = new Sources();
        try {
            folder.write("small.c", `${SMALL}/* ${folder.folder} */\n`);
            const before = Date.now() - 1000;
            const first = await folder.build("small.c");
            for (const file of cacheFiles().filter((one) => statSync(one).mtimeMs > before)) {
                const bytes = readFileSync(file);
                bytes[bytes.length - 1]! ^= 1;
                writeFileSync(file, bytes);
                utimesSync(file, 0, 0);
            }
            assert.deepEqual((await folder.build("small.c")).image, first.image);
        } finally {
            folder.remove();
        }
    });

    it("share one compile when they are asked for at the same time", async () => {
        const folder = new Sources();
        try {
            folder.write("small.c", `${SMALL}/* shared ${folder.folder} */\n`);
            const entries = countEntries();
            const builds = await Promise.all([1, 2, 3, 4].map(() => folder.build("small.c")));
            assert.equal(new Set(builds.map(({ image }) => hex(image))).size, 1);
            assert.equal(countEntries() - entries, 2, "an image and the list of its headers");
        } finally {
            folder.remove();
        }
    });

    it("are another module with another kit, which AUTHENTIC_KIT names", async () => {
        const folder = new Sources();
        const before = process.env["AUTHENTIC_KIT"];
        try {
            folder.write("small.c", SMALL);
            const genuine = await folder.build("small.c");
            cpSync(path.join(packageFolder(), "runtime", "kit"), path.join(folder.folder, "kit"), { recursive: true });
            process.env["AUTHENTIC_KIT"] = path.join(folder.folder, "kit");
            assert.deepEqual((await folder.build("small.c")).codeMeasurement, genuine.codeMeasurement, "a copy is the same kit");
            const file = path.join(folder.folder, "kit", "core", "events.c");
            const check = "if (!frame_open(bytes, &f, keys, keys->forward)) return FRAME_TAG;";
            const text = readFileSync(file, "utf8");
            assert.ok(text.includes(check));
            writeFileSync(file, text.replace(check, ""));
            const weakened = await folder.build("small.c");
            assert.notDeepEqual(weakened.kit, genuine.kit);
            assert.notDeepEqual(weakened.codeMeasurement, genuine.codeMeasurement);
            writeFileSync(file, "this is not C\n");
            assert.match((await errorOf("AE-BUILD-KIT", folder.build("small.c"))).message, /core\/events\.c/);
            process.env["AUTHENTIC_KIT"] = folder.folder;
            assert.match((await errorOf("AE-BUILD-KIT", folder.build("small.c"))).message, /there is no module kit in/);
        } finally {
            if (before === undefined) delete process.env["AUTHENTIC_KIT"];
            else process.env["AUTHENTIC_KIT"] = before;
            folder.remove();
        }
    }).timeout(120_000);

    describe("refuse, naming the module and the place,", () => {
        const wrong: readonly (readonly [name: string, code: string, text: string, message: RegExp])[] = [
            ["a source that does not compile", "AE-BUILD-COMPILE", "#include <authentic.h>\nAUTHENTIC_INPUT(reading, 8) {\n    missing = 1;\n    other = 2;\n}\n", /"tested" does not compile: .*bad\.c:3:5: use of undeclared identifier 'missing' \(and 1 more error\)/],
            ["a header that does not exist", "AE-BUILD-COMPILE", "#include <authentic.h>\n#include \"nowhere.h\"\n", /bad\.c:2:10: 'nowhere\.h' file not found/],
            ["a name of more than 47 characters", "AE-BUILD-COMPILE", `#include <authentic.h>\nAUTHENTIC_INPUT(${"n".repeat(48)}, 8) {}\n`, /the name n{48} is longer than 47 characters/],
            ["a device that is read but declared to be written", "AE-BUILD-COMPILE", "#include <authentic.h>\nAUTHENTIC_DEVICE(tap, AUTHENTIC_WRITTEN)\nAUTHENTIC_INPUT(in, 8) { tap_read(); }\n", /bad\.c:3:\d+: this device is not declared AUTHENTIC_READ/],
            ["a date, which would make every build another", "AE-BUILD-COMPILE", "#include <authentic.h>\nAUTHENTIC_ENTRY(e, 0) { authentic_log(__DATE__); }\n", /bad\.c:2:\d+: expansion of date or time macro is not reproducible/],
            ["a function that is nowhere", "AE-BUILD-LINK", "#include <authentic.h>\nint printf(const char *, ...);\nAUTHENTIC_ENTRY(e, 0) { printf(\"x\"); }\n", /"tested" uses printf, which is nowhere defined/],
            ["a variable for each thread", "AE-BUILD-IMAGE", "#include <authentic.h>\n_Thread_local int calls;\nAUTHENTIC_ENTRY(e, 0) { if (++calls > 3) authentic_log(\"x\"); }\n", /"tested" has a variable for each thread/],
            ["a source without declarations", "AE-BUILD-INTERFACE", "int nothing;\n", /"tested" declares nothing/],
            ["an event that is too large", "AE-BUILD-INTERFACE", "#include <authentic.h>\nAUTHENTIC_INPUT(huge, 65537) {}\n", /a maximum of 65537 bytes for input "huge", more than 65536/],
            ["a reply that is too large", "AE-BUILD-INTERFACE", "#include <authentic.h>\nAUTHENTIC_REQUEST(ask, 1, 65536)\n", /a reply of 65536 bytes for request "ask", more than 65535/],
            ["a burst of none", "AE-BUILD-INTERFACE", "#include <authentic.h>\nAUTHENTIC_OUTPUT_BURST(out, 1, 0)\n", /a burst of 0 for output "out"/],
            ["more state than a hand-over carries", "AE-BUILD-INTERFACE", "#include <authentic.h>\nstruct big { char bytes[65537]; };\nAUTHENTIC_STATE(struct big, big, 1)\n", /65537 bytes of state, more than 65536/],
            ["state of schema 0", "AE-BUILD-INTERFACE", "#include <authentic.h>\nAUTHENTIC_STATE(int, tank, 0)\n", /gives state "tank" the schema 0/],
            ["two fates of one state", "AE-BUILD-INTERFACE", "#include <authentic.h>\nAUTHENTIC_STATE(int, tank, 1)\nAUTHENTIC_MIGRATE(tank, 1, int) { return true; }\n", /says twice what becomes of state "tank" of schema 1/],
            ["outputs that do not fit one event", "AE-BUILD-INTERFACE", "#include <authentic.h>\nAUTHENTIC_OUTPUT_BURST(out, 65536, 9)\n", /may emit 589896 bytes while one event is processed/],
            ["a device without a use", "AE-BUILD-INTERFACE", "#include <authentic.h>\nAUTHENTIC_DEVICE(tap, 0)\n", /does not say how device "tap" is used/],
            ["too many declarations", "AE-BUILD-INTERFACE", `#include <authentic.h>\n${Array.from({ length: 65 }, (_, i) => `AUTHENTIC_OUTPUT(o${i}, 1)`).join("\n")}\n`, /65 declarations, more than 64/],
        ];
        for (const [name, code, text, message] of wrong) {
            it(name, async () => {
                sources.write("bad.c", text);
                assert.match((await errorOf(code, sources.build("bad.c"))).message, message);
            });
        }

        it("the same name in two sources", async () => {
            sources.write("a.c", "#include <authentic.h>\nAUTHENTIC_INPUT(reading, 8) {}\n");
            sources.write("b.c", "#include <authentic.h>\nAUTHENTIC_OUTPUT(reading, 8)\n");
            assert.match((await errorOf("AE-BUILD-INTERFACE", sources.build("a.c", "b.c"))).message, /declares "reading" twice, as input and as output/);
        });

        it("a source that is not there, none at all, one twice, and a folder that is not there", async () => {
            assert.match((await errorOf("AE-BUILD-SOURCE", sources.build("absent.c"))).message, /cannot read its source .*absent\.c/);
            assert.match((await errorOf("AE-BUILD-SOURCE", sources.build())).message, /"tested" has no sources/);
            sources.write("small.c", SMALL);
            assert.match((await errorOf("AE-BUILD-SOURCE", sources.build("small.c", "small.c"))).message, /twice/);
            assert.match((await errorOf("AE-BUILD-SOURCE", sources.request({ sources: [path.join(sources.folder, "small.c")], includes: ["/nowhere"] }))).message, /no folder \/nowhere/);
        });

        it("definitions that are no names, or the kit's", async () => {
            const small = [sources.write("small.c", SMALL)];
            assert.match((await errorOf("AE-BUILD-DEFINE", sources.request({ sources: small, defines: { "1x": "" } }))).message, /"1x", which is no C identifier/);
            assert.match((await errorOf("AE-BUILD-DEFINE", sources.request({ sources: small, defines: { AUTHENTIC_EVENT: "1" } }))).message, /belong to the kit/);
        });
    });

    describe("are finalized", () => {
        let build: Build;
        before(async () => {
            sources.write("configured.c", "#include <authentic.h>\nAUTHENTIC_CONFIG_INTEGER(limit)\nAUTHENTIC_CONFIG_TEXT(label, 4)\n");
            build = await sources.build("configured.c");
        });

        it("with the block of section 2 and nothing else changed", () => {
            const { image, measurement } = native.finalize(build, measured({ limit: -2, label: "ab" }));
            const block = image.subarray(build.configurationOffset, build.configurationOffset + 4096);
            const expected = `4145584301000060${"01".repeat(16)}${"02".repeat(16)}${"03".repeat(32)}0002056c6162656c0200026162056c696d6974010008fffffffffffffffe`;
            assert.equal(hex(block.subarray(0, expected.length / 2)), expected.replace("4145584301000060", `41455843010000${(expected.length / 2).toString(16)}`));
            assert.ok(block.subarray(expected.length / 2).every((byte) => byte === 0));
            assert.deepEqual([...decodeConfiguration(block).values], [["label", "ab"], ["limit", -2n]]);
            const cleared = image.slice();
            cleared.fill(0, build.configurationOffset, build.configurationOffset + 4096);
            assert.deepEqual(cleared, build.image);
            assert.deepEqual(measurement, nativeMeasurement(image));
            assert.notDeepEqual(measurement, native.finalize(build, measured({ limit: -1, label: "ab" })).measurement);
        });

        const values: readonly (readonly [name: string, values: Record<string, number | string>, message: RegExp])[] = [
            ["a missing value", { limit: 1 }, /lacks label/],
            ["an unknown value", { limit: 1, label: "a", lable: "b" }, /declares no configuration lable.*declared are: limit, label/i],
            ["a text for an integer", { limit: "1", label: "a" }, /limit is declared as an integer/],
            ["a number for a text", { limit: 1, label: 2 }, /label is declared as a text/],
            ["a fraction", { limit: 1.5, label: "a" }, /limit is declared as an integer/],
            ["an integer that is not exact", { limit: 2 ** 53, label: "a" }, /limit is declared as an integer/],
            ["a text that is too long", { limit: 1, label: "äöü" }, /label has 6 bytes, more than the declared 4/],
            ["a text with a zero", { limit: 1, label: "a\0b" }, /contains a zero character/],
        ];
        for (const [name, given, message] of values) {
            it(`refusing ${name}`, async () => {
                assert.match((await errorOf("AE-CONFIG-VALUE", Promise.resolve().then(() => native.finalize(build, measured(given))))).message, message);
            });
        }
    });
});

const cacheFiles = (): string[] => readdirSync(path.join(cacheFolder(), "builds"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^[0-9a-f]{64}$/.test(entry.name)).map((entry) => path.join(entry.parentPath, entry.name));
const countEntries = (): number => cacheFiles().length;
const zigOfCache = (): string => path.join(cacheFolder(), `zig-${readFileSync(path.join(packageFolder(), "runtime/kit/zig-version"), "utf8").trim()}`, "bin", "zig");
