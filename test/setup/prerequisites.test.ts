import assert from "node:assert/strict";
import { source } from "./source";

const silent = (): void => undefined;

describe("prerequisites", () => {
    const machine = (properties: { debian: boolean; root: boolean }, installed: string[][] = []) => ({
        ...properties,
        install: (packages: string[]): Promise<void> => {
            installed.push(packages);
            return Promise.resolve();
        },
    });
    const absent = (): Promise<undefined> => Promise.resolve(undefined);

    it("that are there are taken as they are", async () => {
        const { needTool } = await source("prerequisites");
        const installed: string[][] = [];
        const found = await needTool("cc", "", silent, machine({ debian: true, root: true }, installed), () => Promise.resolve("/usr/bin/cc"));
        assert.equal(found, "/usr/bin/cc");
        assert.deepEqual(installed, []);
    });

    it("are installed on Debian as root", async () => {
        const { needTool } = await source("prerequisites");
        const installed: string[][] = [];
        const find = (): Promise<string | undefined> => Promise.resolve(installed.length > 0 ? "/usr/bin/python3" : undefined);
        assert.equal(await needTool("python3", "", silent, machine({ debian: true, root: true }, installed), find), "/usr/bin/python3");
        assert.deepEqual(installed, [["python3", "python3-venv"]]);
    });

    it("are named with the exact command elsewhere", async () => {
        const { needTool } = await source("prerequisites");
        const { SetupFailure } = await source("failure");
        const fails = async (name: string, on: { debian: boolean; root: boolean }, nextStep: RegExp): Promise<void> => {
            await assert.rejects(needTool(name, "something needs it", silent, machine(on), absent), (error) => {
                assert.ok(error instanceof SetupFailure);
                assert.match(error.text, new RegExp(`^${name} is missing; something needs it\n {2}next: `));
                assert.match(error.nextStep, nextStep);
                return true;
            });
        };
        await fails("cc", { debian: true, root: false }, /^sudo apt-get install -y gcc libc6-dev$/);
        await fails("cc", { debian: false, root: true }, /C compiler/);
        await fails("cargo", { debian: true, root: true }, /sh\.rustup\.rs/);
        await fails("clippy-driver", { debian: true, root: true }, /rustup component add clippy/);
        await fails("go", { debian: true, root: true }, /go\.dev\/dl/);
        // Installing was tried, and did not help.
        await fails("python3", { debian: true, root: true }, /^apt-get install -y python3 python3-venv$/);
    });

    it("of a command are installed together, only those that are missing", async () => {
        const { needPackages } = await source("prerequisites");
        const list = {
            test: [
                { debian: "one", provides: "/nowhere/one", why: "a" },
                { debian: "present", provides: "/bin/sh", why: "b" },
                { debian: "two", provides: "no-such-program", why: "c" },
            ],
        };
        const installed: string[][] = [];
        await needPackages("test", silent, machine({ debian: true, root: true }, installed), list);
        assert.deepEqual(installed, [["one", "two"]]);
        await needPackages("demo", silent, machine({ debian: true, root: true }, installed), list);
        assert.equal(installed.length, 1);
    });

    it("of a command are named where they cannot be installed", async () => {
        const { needPackages } = await source("prerequisites");
        const { SetupFailure } = await source("failure");
        const list = { test: [{ debian: "one", provides: "/nowhere/one", why: "tests start it" }] };
        await assert.rejects(needPackages("test", silent, machine({ debian: true, root: false }), list), (error) => {
            assert.ok(error instanceof SetupFailure);
            assert.equal(error.text, "`npm test` needs one (/nowhere/one): tests start it\n  next: sudo apt-get install -y one");
            return true;
        });
    });
});
