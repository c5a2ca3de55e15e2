// Builds of modules in Rust: the same interface as in C, the same bytes everywhere, and every way to get one wrong.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { readSections, sectionNamed } from "../../provider/build/elf";
import { cacheFolder, packageFolder } from "../../provider/build/folders";
import { openKit } from "../../provider/build/kit";
import { findRust, librariesOf, requireTarget } from "../../provider/build/rust/toolchain";
import { hex } from "../../provider/protocol/bytes";
import { tees } from "../../provider/tee/registry";
import type { Build, Declaration } from "../../provider/tee/tee";
import { TARGET } from "../../provider/tee/trustzone/target";
import { trustzone } from "../../provider/tee/trustzone/trustzone";
import { toolchain } from "../../tools/setup/toolchain";
import { EVERYTHING as IN_C, SMALL, Sources, errorOf } from "./fixture";

const USE = "#![no_std]\n#![allow(unused_imports)]\nuse authentic::{Both, Device, Dropped, Local, Plain, Read, Refused, Result, State, Written, config, device, drop, entry, event, handler, input, log, migrate, output, request, state};\n";
const EVERYTHING = `${USE}
#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct Tank { level: i64 }
#[input(8)] fn reading(_: &[u8]) {}
#[output(16)] fn alarm(data: &[u8]) -> Result;
#[output(32, burst = 4)] fn many(data: &[u8]) -> Result;
#[entry(64)] fn poll(_: &[u8]) { let _ = alarm(&[]); let _ = many(&[]); let _ = (limit(), label(), VALVE.write(PROBE.read()), BOTH.read()); }
#[request(10, reply = 20)] fn ask(data: &[u8], reply: &mut [u8]) -> Result<usize>;
#[handler(30, reply = 40)] fn answer(data: &[u8], reply: &mut [u8]) -> core::result::Result<usize, Refused> { Ok(ask(data, reply)?) }
#[state(7)] static TANK: State<Tank> = State::new(Tank { level: 0 });
#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct Tank6 { level: i32 }
#[migrate(6)] fn tank(old: &Tank6) -> bool { TANK.set(Tank { level: old.level.into() }); true }
#[drop] static CACHE: Dropped;
#[config] fn limit() -> i64;
#[config(12, name = "label")] fn label() -> &'static str;
#[device] static VALVE: Device<Written>;
#[device] static PROBE: Device<Read>;
#[device] static BOTH: Device<Both>;
`;
const SMALL_RUST = `${USE}#[output(8)] fn alarm(data: &[u8]) -> Result;\n#[input(8)] fn reading(data: &[u8]) { let _ = alarm(data); }\n`;

/** As the compiler orders them: by name, with what becomes of older state at the end. */
const byName = (declarations: readonly Declaration[]): Declaration[] => {
    const key = ({ kind, name }: Declaration): string => `${kind === "migration" ? 1 : 0} ${name}`;
    return [...declarations].sort((a, b) => (key(a) < key(b) ? -1 : 1));
};

/** A package that names a message of another one beside it, and panics with the place of both. */
function writePackage(sources: Sources, folder: string, limit = 8): string {
    const crate = path.relative(path.join(sources.folder, folder), path.join(packageFolder(), "runtime", "authentic"));
    sources.write(`${folder}/Cargo.toml`, `[package]\nname = "controller"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\nauthentic = { path = ${JSON.stringify(crate)} }\nmessages = { path = "../messages" }\n`);
    sources.write(`${folder}/src/lib.rs`, `${USE}#[input(messages::LIMIT)] fn reading(data: &[u8]) { let _ = alarm(&[data[0] / data[1], messages::first(data)]); let _ = log(file!()); }\n#[output(2)] fn alarm(data: &[u8]) -> Result;\n`);
    const messages = path.join(path.dirname(folder), "messages");
    sources.write(`${messages}/Cargo.toml`, "[package]\nname = \"messages\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    sources.write(`${messages}/src/lib.rs`, `#![no_std]\npub const LIMIT: usize = ${limit};\npub fn first(data: &[u8]) -> u8 { data[0] + 1 }\n`);
    execFileSync("cargo", ["generate-lockfile", "--offline"], { cwd: path.join(sources.folder, folder), stdio: "ignore" });
    return path.join(sources.folder, folder);
}

/** A module is the same bytes from another folder, another HOME and an empty cache, as one file and as a package. */
async function sameEverywhere(tee: "native" | "trustzone"): Promise<void> {
    const build = (source: string): Promise<Build> => tees[tee]!.build({ name: "tested", sources: [source] });
    const [one, other] = [new Sources(), new Sources()];
    try {
        const text = `${USE}mod part;\n#[input(8)] fn reading(data: &[u8]) { let _ = log(part::place(data[0] as usize)); let _ = log(file!()); }\n`;
        const part = "pub fn place(index: usize) -> &'static str { [file!(), \"b\"][index + 1] }\n";
        for (const folder of [one, other]) {
            folder.write("deep/where.rs", text);
            folder.write("deep/part.rs", part);
        }
        const files = [one, other].map((folder) => path.join(folder.folder, "deep/where.rs"));
        const folders = [writePackage(one, "controller"), writePackage(other, "much/deeper/controller")];
        const builds = [await build(files[0]!), await build(folders[0]!)];
        const script = `const tee=require(process.argv[1]).tees[process.argv[2]];(async()=>{for(const s of process.argv.slice(3))console.log(Buffer.from((await tee.build({name:"tested",sources:[s]})).codeMeasurement).toString("hex"))})()`;
        // The downloaded crates are the same, below another path; nothing that was built is.
        const cargoHome = path.join(other.folder, "cargo");
        mkdirSync(cargoHome);
        const registry = path.join(process.env["CARGO_HOME"] ?? path.join(os.homedir(), ".cargo"), "registry");
        symlinkSync(registry, path.join(cargoHome, "registry"));
        const env = {
            PATH: process.env["PATH"], HOME: other.folder, CARGO_HOME: cargoHome, RUSTUP_HOME: process.env["RUSTUP_HOME"] ?? path.join(os.homedir(), ".rustup"), TZ: "Asia/Tokyo",
            AUTHENTIC_CACHE: path.join(other.folder, "cache"), AUTHENTIC_ZIG: process.env["AUTHENTIC_ZIG"] ?? (await (await openKit()).zig())[0],
        };
        const output = execFileSync(process.execPath, ["-e", script, path.join(packageFolder(), "dist/provider/tee/registry.js"), tee, files[1]!, folders[1]!], { env, cwd: other.folder });
        assert.deepEqual(output.toString().trim().split("\n"), builds.map(({ codeMeasurement }) => hex(codeMeasurement)));
        for (const { image } of builds) {
            for (const place of [one.folder, os.homedir(), packageFolder(), cacheFolder()]) assert.ok(!Buffer.from(image).includes(place), place);
        }
    } finally {
        one.remove();
        other.remove();
    }
}

describe("builds of modules in Rust", function () {
    this.timeout(600_000);
    const sources = new Sources();
    after(() => sources.remove());

    it("contain the interface that the same module in C has, in the order of the names", async () => {
        sources.write("everything.rs", EVERYTHING);
        sources.write("everything.c", IN_C);
        const [rust, c] = [await sources.build("everything.rs"), await sources.build("everything.c")];
        assert.deepEqual(rust.interface, byName(c.interface));
        assert.deepEqual(rust.kit, c.kit);
    });

    it("are not mixed up when they lie in one folder and are built at the same time", async () => {
        const names = ["one", "two", "three", "four"];
        // Long enough that the compilers run beside each other.
        const work = Array.from({ length: 200 }, (_, index) => `#[inline(never)] fn work${index}(data: &[u8]) -> u8 { data.iter().fold(${index % 256}, |sum, byte| sum.wrapping_mul(${2 * index + 3 & 255}) ^ byte) }\n`).join("");
        const calls = Array.from({ length: 200 }, (_, index) => `work${index}(data)`).join(" ^ ");
        for (const name of names) sources.write(`beside/${name}.rs`, `${USE}${work}#[output(8)] fn alarm(data: &[u8]) -> Result;\n#[input(8)] fn ${name}(data: &[u8]) { let _ = alarm(&[${calls}]); }\n`);
        const built = await Promise.all(names.map((name) => sources.build(`beside/${name}.rs`)));
        assert.deepEqual(built.map((build) => build.interface.filter(({ kind }) => kind === "input").map(({ name }) => name)), names.map((name) => [name]));
        assert.deepEqual(readdirSync(path.join(sources.folder, "beside")).sort(), names.map((name) => `${name}.rs`).sort(), "nothing is left beside the sources");
    });

    it("say which compilers and which locked versions they were built with", async () => {
        sources.write("small.rs", SMALL_RUST);
        const { toolchain } = await sources.build("small.rs");
        const { version } = await findRust("tested", sources.folder);
        assert.deepEqual(Object.keys(toolchain), ["zig", "rustc", "lock"]);
        assert.equal(toolchain["rustc"], version);
        assert.equal(toolchain["zig"], (await openKit()).version);
        assert.match(toolchain["lock"] ?? "", /^[0-9a-f]{64}$/);
    });

    for (const tee of ["native", "sgx"]) {
        it(`are images for ${tee} like those in C: the same segments, relative relocations only, no thread-local storage`, async () => {
            sources.write("everything.rs", EVERYTHING);
            sources.write("small.c", SMALL);
            const build = (file: string): Promise<Build> => tees[tee]!.build({ name: "tested", sources: [path.join(sources.folder, file)] });
            const [rust, c] = [await build("everything.rs"), await build("small.c")];
            const namesOf = ({ image }: Build): string[] => readSections(image).filter(({ flags }) => (flags & 2) !== 0).map(({ name }) => name);
            assert.deepEqual(namesOf(rust), namesOf(c), "no section that the link script does not know");
            assert.ok(readSections(rust.image).every(({ flags }) => (flags & 0x400) === 0), "SHF_TLS");
            const { offset, size } = sectionNamed(readSections(rust.image), ".rela.dyn");
            const view = new DataView(rust.image.buffer, rust.image.byteOffset + offset, size);
            const kinds = new Set(Array.from({ length: size / 24 }, (_, index) => view.getUint32(index * 24 + 8, true)));
            assert.deepEqual([...kinds], [8], "R_X86_64_RELATIVE");
            const headers = ({ image }: Build): readonly (readonly [number, number])[] => {
                const header = new DataView(image.buffer, image.byteOffset);
                return Array.from({ length: header.getUint16(56, true) }, (_, index) => [header.getUint32(64 + index * 56, true), header.getUint32(68 + index * 56, true)] as const);
            };
            assert.deepEqual(headers(rust), headers(c), "kinds and permissions of segments");
        });
    }

    it("keep as many replies as the kit does on boards, where it is compiled with fewer", () => {
        const [, clients] = /cfg!\(target_arch = "arm"\) \{ (\d+) \}/.exec(readFileSync(path.join(packageFolder(), "runtime", "authentic", "src", "kit.rs"), "utf8")) ?? [];
        assert.ok(TARGET.cFlags.includes(`-DAUTHENTIC_CLIENTS=${String(clients)}`), clients);
    });

    it("probe frames that are larger than a page, so that none steps over the gap below the stack", async () => {
        const probes = async (bytes: number): Promise<number> => {
            sources.write("frame.rs", `${USE}#[entry(64)] fn poll(data: &[u8]) {\n    let mut frame = [0u8; ${bytes}];\n    frame[data.len()] = 1;\n    let _ = log(core::str::from_utf8(core::hint::black_box(&frame)).unwrap_or("x"));\n}\n`);
            // sub $0x1000, %rsp; movq $0, (%rsp)
            return Buffer.from((await sources.build("frame.rs")).image).toString("hex").split("4881ec0010000048c7042400000000").length - 1;
        };
        assert.equal(await probes(150_000) - await probes(16), 1);
    });

    it("are the same bytes from another folder, another HOME and an empty cache, as one file and as a package", () => sameEverywhere("native"));

    it("come from the cache while nothing changed, and are made anew when a file did, however old it says it is", async () => {
        const folder = writePackage(sources, "kept/controller");
        const build = (): Promise<Build> => sources.request({ sources: [folder] });
        const maximum = async (): Promise<number> => (await build()).interface.find(({ name }) => name === "reading")!.maximum;
        assert.equal(await maximum(), 8);
        const file = path.join(sources.folder, "kept/messages/src/lib.rs");
        writeFileSync(file, readFileSync(file, "utf8").replace("= 8", "= 9"));
        utimesSync(file, 1, 1);
        assert.equal(await maximum(), 9);
        sources.write("one.rs", `${USE}mod limits;\n#[input(limits::MOST)] fn reading(_: &[u8]) {}\n`);
        for (const most of [3, 4, 3]) {
            sources.write("limits.rs", `pub const MOST: usize = ${most};\n`);
            assert.equal((await sources.build("one.rs")).interface[0]?.maximum, most);
        }
    });

    describe("refuse, as cargo shows it,", () => {
        const wrong: readonly (readonly [name: string, text: string, message: RegExp])[] = [
            ["a call of what is not there", `${USE}#[entry] fn poll() {\n    missing();\n    other();\n}\n`, /bad\.rs:5:5: cannot find function `missing` in this scope \(and 1 more error\):\n\nerror\[E0425\]: cannot find function[^\n]*\n\s+--> bad\.rs:5:5\n[^]*\^{7} not found in this scope/],
            ["a size that is missing", `${USE}#[input] fn reading(_: &[u8]) {}\n`, /bad\.rs:4:1: the most bytes of an event is missing: #\[input\(8\)\]/],
            ["an output with a body", `${USE}#[output(8)] fn alarm(data: &[u8]) -> Result { Ok(()) }\n`, /a semicolon stands here/],
            ["a name of more than 47 characters", `${USE}#[entry] fn ${"n".repeat(48)}() {}\n`, /the name n{48} is longer than 47 characters/],
            ["a name twice", `${USE}#[entry] fn poll() {}\nmod other { #[authentic::entry(name = "poll")] fn again() {} }\n`, /symbol `authentic_declaration_poll` is already defined/],
            ["a device that is read but declared to be written", `${USE}#[device] static TAP: Device<Written>;\n#[entry] fn poll() { TAP.read(); }\n`, /this device is not declared to be read: it is a `Device<Written>`/],
            ["state that is not made of any bytes", `${USE}#[state(1)] static OPEN: State<bool> = State::new(false);\n`, /`bool` cannot be carried from one module to the next as bytes/],
            ["state with a reference in it", `${USE}#[derive(Clone, Copy, Plain)]\n#[repr(C)]\nstruct Name { text: &'static str }\n`, /`&'static str` cannot be carried/],
            ["state whose layout the compiler chooses", `${USE}#[derive(Clone, Copy, Plain)]\nstruct Tank { level: u8 }\n`, /add `#\[repr\(C\)\]`/],
            ["a migration that answers something else", `${USE}#[migrate(1)] fn tank(_: &u64) {}\n`, /expected `fn\(&u64\) -> bool`|expected `&?bool`|expected .*to return `bool`|type mismatch/],
            ["a migration of what is not made of any bytes", `${USE}#[migrate(1)] fn tank(_: &bool) -> bool { true }\n`, /`bool` cannot be carried from one module to the next as bytes/],
            ["two migrations of one schema", `${USE}#[migrate(1)] fn tank(_: &u64) -> bool { true }\n#[migrate(1, name = "tank")] fn again(_: &u32) -> bool { true }\n`, /symbol `authentic_migration_tank_1` is already defined/],
            ["state that is forgotten and has a type", `${USE}#[drop] static CACHE: State<u64>;\n`, /mismatched types/],
            ["a handler that answers something else", `${USE}#[handler(1, reply = 1)] fn answer(_: &[u8], _: &mut [u8]) -> i64 { 0 }\n`, /mismatched types|expected `Result<usize, Refused>`|type mismatch/],
            ["the standard library", "use authentic::entry;\n#[entry] fn poll() { println!(\"x\"); }\n", /duplicate lang item [^]*`panic_impl`[^]*Put `#!\[no_std\]` at the top/],
        ];
        for (const [name, text, message] of wrong) {
            it(name, async () => {
                sources.write("bad.rs", text);
                assert.match((await errorOf("AE-BUILD-COMPILE", sources.build("bad.rs"))).message, message);
            });
        }

        it("two fates of one state", async () => {
            sources.write("bad.rs", `${USE}#[state(1)] static TANK: State<u64> = State::new(0);\n#[migrate(1)] fn tank(_: &u64) -> bool { true }\n`);
            assert.match((await errorOf("AE-BUILD-INTERFACE", sources.build("bad.rs"))).message, /says twice what becomes of state "tank" of schema 1\. Keep one of AUTHENTIC_STATE, .* #\[state\], #\[migrate\] and #\[drop\]/);
            sources.write("bad.rs", `${USE}#[migrate(0)] fn tank(_: &u64) -> bool { true }\n#[state(1)] static TANK: State<u64> = State::new(0);\n`);
            assert.match((await errorOf("AE-BUILD-INTERFACE", sources.build("bad.rs"))).message, /gives a migration of state "tank" the schema 0/);
        });

        it("an error in a package, and in the one beside it", async () => {
            const folder = writePackage(sources, "wrong/controller");
            sources.write("wrong/messages/src/lib.rs", "#![no_std]\npub const LIMIT: usize = 8;\npub fn first(data: &[u8]) -> u8 { date[0] }\n");
            assert.match((await errorOf("AE-BUILD-COMPILE", sources.request({ sources: [folder] }))).message, /messages\/src\/lib\.rs:3:\d+: cannot find value `date`/);
        });
    });

    describe("refuse, with the next step,", () => {
        it("a package without its lock file, without the crate, and without a Cargo.toml", async () => {
            sources.write("bare/src/lib.rs", SMALL_RUST);
            const bare = (): Promise<Build> => sources.request({ sources: [path.join(sources.folder, "bare")] });
            assert.match((await errorOf("AE-BUILD-SOURCE", bare())).message, /bare has no Cargo\.toml/);
            sources.write("bare/Cargo.toml", "[package]\nname = \"bare\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
            assert.match((await errorOf("AE-BUILD-LOCK", bare())).message, /Run `cargo generate-lockfile`/);
            execFileSync("cargo", ["generate-lockfile", "--offline"], { cwd: path.join(sources.folder, "bare"), stdio: "ignore" });
            assert.match((await errorOf("AE-BUILD-CRATE", bare())).message, /does not depend on the crate authentic of this package\. Write `authentic = \{ path = "[^"]*runtime\/authentic" \}`/);
        });

        it("a machine without Rust", async () => {
            const before = process.env["PATH"];
            sources.write("small.rs", SMALL_RUST);
            try {
                process.env["PATH"] = sources.folder;
                assert.match((await errorOf("AE-BUILD-RUST", sources.build("small.rs"))).message, /"tested" is written in Rust, but there is no Rust compiler on PATH\. Install Rust as https:\/\/rustup\.rs says/);
            } finally {
                process.env["PATH"] = before;
            }
        });

        it("a Sancus board, naming what to use instead", async () => {
            sources.write("small.rs", SMALL_RUST);
            const board = { security: 128, freshness: "rng", vendorId: 1, slot: 0, devices: {} } as const;
            const error = await errorOf("AE-BUILD-LANGUAGE", tees["sancus"]!.build({ name: "tested", sources: [path.join(sources.folder, "small.rs")], board }));
            assert.match(error.message, /no stable compiler for the MSP430.*Write this module in C, or give it a node with/);
        });

        it("sources of two languages, a language that they are not in, and what only C has", async () => {
            sources.write("small.rs", SMALL_RUST);
            sources.write("small.c", SMALL);
            const file = (name: string): string[] => [path.join(sources.folder, name)];
            assert.match((await errorOf("AE-BUILD-LANGUAGE", sources.build("small.c", "small.rs"))).message, /has 2 sources, one of which is in Rust/);
            assert.match((await errorOf("AE-BUILD-LANGUAGE", sources.request({ sources: file("small.c"), language: "rust" }))).message, /declared to be in Rust/);
            assert.match((await errorOf("AE-BUILD-LANGUAGE", sources.request({ sources: file("small.rs"), language: "c" }))).message, /declared to be in C/);
            assert.match((await errorOf("AE-BUILD-LANGUAGE", sources.request({ sources: file("small.rs"), defines: { A: "1" } }))).message, /neither `includes` nor `defines`/);
        });

        it("an image that would be another one in another folder", async () => {
            const folder = writePackage(sources, "placed/controller");
            sources.write("placed/controller/src/lib.rs", `${USE}#[entry] fn poll() { let _ = log(env!("CARGO_MANIFEST_DIR")); }\n`);
            assert.match((await errorOf("AE-BUILD-PATH", sources.request({ sources: [folder] }))).message, /contains the path .*placed/);
        });
    });

    it("are not linked with crates that were compiled with another build of the same libraries", async () => {
        const triple = TARGET.rust.triple;
        const of = (folder: string) => librariesOf({ cargo: "cargo", rustc: "rustc", version: "1.95.0", sysroot: path.join(sources.folder, folder) }, TARGET.rust);
        for (const [folder, content] of [["one", "core"], ["other", "core, built again"]] as const) sources.write(`${folder}/lib/rustlib/${triple}/lib/libcore-0123.rlib`, content);
        assert.equal(await of("one"), await of("one"));
        assert.notEqual(await of("one"), await of("other"));
    });

    it("name the command that installs the libraries for TrustZone boards, where Rust lacks them", () => {
        const lacking = { cargo: "cargo", rustc: "rustc", version: "1.95.0", sysroot: sources.folder };
        assert.throws(() => requireTarget("tested", lacking, TARGET.rust), /AE-BUILD-RUST-TARGET: .*1\.95\.0 has no libraries for thumbv8m\.main-none-eabi\. Run `rustup target add thumbv8m\.main-none-eabi`/);
    });
});

const { foreign } = toolchain();

(foreign === undefined ? describe.skip : describe)("builds of modules in Rust for TrustZone boards", function () {
    this.timeout(600_000);
    const sources = new Sources();
    const searched = process.env["PATH"];
    before(() => {
        process.env["PATH"] = [path.join(foreign!.rust, "bin"), process.env["PATH"]].join(path.delimiter);
    });
    after(() => {
        process.env["PATH"] = searched;
        sources.remove();
    });

    it("contain the interface that the same module in C has, and are compiled by the toolchain on PATH", async () => {
        sources.write("everything.rs", EVERYTHING);
        sources.write("everything.c", IN_C);
        const [rust, c] = await Promise.all(["everything.rs", "everything.c"].map((file) => trustzone.build({ name: "tested", sources: [path.join(sources.folder, file)] })));
        assert.deepEqual(rust!.interface, byName(c!.interface));
        assert.equal(rust!.toolchain["rustc"], (await findRust("tested", sources.folder)).version);
        assert.equal((await findRust("tested", sources.folder)).sysroot, foreign!.rust);
    });

    it("are the same bytes from another folder, another HOME and an empty cache, as one file and as a package", () => sameEverywhere("trustzone"));
});
