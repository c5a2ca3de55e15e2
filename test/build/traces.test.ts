// The kit is read once for all modules of a program, and again as soon as anything in it is another thing, whatever its files say of
// their size and age.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageFolder } from "../../provider/build/folders";
import { openKit } from "../../provider/build/kit";
import { CRATES, cratesDigest, cratesFolder, cratesLock } from "../../provider/build/rust/crates";
import { hex } from "../../provider/protocol/bytes";

/** When files say that they were modified: whole seconds, which can be put back as they were. */
const AGE = 1_700_000_000;
/** How long files have to be as they are before anything is kept of them, and some more. */
const SETTLES_MS = 3000;

describe("what this process keeps of the kit", function () {
    this.timeout(60_000);
    const base = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-kit-"));
    const kitBefore = process.env["AUTHENTIC_KIT"];
    const original = fs.promises.readFile;
    let read: string[] = [];
    /** That of the test, and a file of it. */
    let kit: string;
    let file: string;

    const changes: Readonly<Record<string, () => void>> = {
        "a file changes without another size or time of modification": () => changeInPlace(1),
        "another file takes the place of one": () => {
            fs.writeFileSync(`${file}.new`, fs.readFileSync(file).map((byte) => (byte === 0x61 ? 0x62 : byte)));
            fs.utimesSync(`${file}.new`, AGE, AGE);
            fs.renameSync(`${file}.new`, file);
        },
        "a file appears": () => fs.writeFileSync(path.join(kit, "core", "another.c"), ""),
        "a file gets another name": () => fs.renameSync(file, path.join(kit, "core", "other.c")),
        "a file goes": () => fs.rmSync(file),
        "another version of the compiler is asked for": () => fs.writeFileSync(path.join(kit, "zig-version"), "0.0.0\n"),
    };

    before(async () => {
        for (let number = 0; number < Object.keys(changes).length + 2; number++) {
            fs.cpSync(path.join(packageFolder(), "runtime", "kit"), path.join(base, String(number)), { recursive: true });
            fs.utimesSync(path.join(base, String(number), "core", "config.c"), AGE, AGE);
        }
        // What the code under test reads goes through here.
        Object.assign(fs.promises, { readFile: (...[name, ...rest]: Parameters<typeof original>) => {
            if (typeof name === "string") read.push(name);
            return original(name, ...rest);
        } });
        await sleep(SETTLES_MS);
    });
    after(() => {
        Object.assign(fs.promises, { readFile: original });
        if (kitBefore === undefined) delete process.env["AUTHENTIC_KIT"];
        else process.env["AUTHENTIC_KIT"] = kitBefore;
        fs.rmSync(base, { recursive: true });
    });
    const use = (number: number): void => {
        kit = path.join(base, String(number));
        file = path.join(kit, "core", "config.c");
        process.env["AUTHENTIC_KIT"] = kit;
    };

    const digest = async (): Promise<string> => hex((await openKit()).digest);
    /** The digest by its definition, of what is there now. */
    const expected = (): string => {
        const names = fs.readdirSync(kit, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.relative(kit, path.join(entry.parentPath, entry.name))).sort();
        const hash = createHash("sha256").update(`aex/v1/kit\0${fs.readFileSync(path.join(kit, "zig-version"), "utf8").trim()}\0`);
        for (const name of names) {
            const content = fs.readFileSync(path.join(kit, name));
            hash.update(`${name}\0${content.length}\0`).update(content);
        }
        return hash.digest("hex");
    };
    /** As many bytes as before, at the age of before. */
    const changeInPlace = (number: number): void => {
        const { size } = fs.statSync(file);
        const content = fs.readFileSync(file);
        content.write(`/* ${String(number).padStart(4, "0")} */`, content.length - 11);
        fs.writeFileSync(file, content);
        fs.utimesSync(file, AGE, AGE);
        assert.equal(fs.statSync(file).size, size);
    };

    it("is read once by modules that are built one after the other, or at the same time", async () => {
        use(0);
        read = [];
        await Promise.all([digest(), digest(), digest()]);
        for (let round = 0; round < 5; round++) assert.equal(await digest(), expected());
        const ofKit = read.filter((name) => name.startsWith(kit + path.sep));
        assert.equal(new Set(ofKit).size, fs.readdirSync(kit, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length);
        assert.equal(ofKit.length, new Set(ofKit).size, "a file was read twice");
    });

    it("is what it keeps of the crates too, unless they were changed a moment ago", async () => {
        // Other tests of this process may have had them read before.
        await Promise.all([cratesDigest(), cratesLock()]);
        read = [];
        for (let round = 0; round < 3; round++) await Promise.all([cratesDigest(), cratesLock()]);
        const places = [...CRATES.map((crate) => path.join(cratesFolder(), crate) + path.sep), path.join(cratesFolder(), "Cargo.lock")];
        const settled = (place: string) => read.filter((name) => name.startsWith(place)).every((name) => fs.statSync(name).ctimeMs < Date.now() - 60_000);
        assert.deepEqual(read.filter((name) => places.some((place) => name.startsWith(place) && settled(place))), []);
    });

    it("is nothing while files keep changing, however fast, also while they are read", async () => {
        use(1);
        changeInPlace(9999);
        for (let round = 0; round < 3; round++) {
            read = [];
            assert.equal(await digest(), expected());
            assert.ok(read.includes(file), "what was changed a moment ago could change again without a trace");
        }
        const seen = new Set<string>();
        for (let number = 0; number < 100; number++) {
            changeInPlace(2 * number);
            const early = digest();
            changeInPlace(2 * number + 1);
            const late = digest();
            assert.equal(await late, expected());
            // Of what was there before, or after.
            await early;
            seen.add(await late);
        }
        assert.equal(seen.size, 100);
    });

    for (const [index, [what, change]] of Object.entries(changes).entries()) {
        it(`is forgotten when ${what}`, async () => {
            use(index + 2);
            const before = await digest();
            read = [];
            assert.equal(await digest(), before);
            assert.deepEqual(read.filter((name) => name.startsWith(kit)), [], "it was kept");
            change();
            assert.notEqual(await digest(), before);
            assert.equal(await digest(), expected());
        });
    }
});
