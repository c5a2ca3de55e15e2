// An example of this package, copied as a user would copy it and deployed by the real CLI.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endLocalAgent } from "../../provider/agent/local";
import type { DeployedStack } from "../../provider/stack/stack";
import { packageRoot } from "../../tools/setup/toolchain";
import { TestProject } from "../pulumi/project";

const SOURCES = /\.(ts|c|h|rs|mjs|yaml)$/;

/** The files of a folder: path in it → content. */
function filesOf(folder: string): Record<string, string> {
    const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => SOURCES.test(name) && !name.endsWith(".demo.yaml"));
    return Object.fromEntries(names.map((name) => [name, fs.readFileSync(path.join(folder, name), "utf8")]));
}

export class Example {
    readonly project: TestProject;

    /**
     * @param name - of its folder in `examples`
     * @param options - `modules: false` leaves the npm packages out
     */
    constructor(name: string, options?: { readonly modules: boolean }) {
        this.project = new TestProject({ "package.json": JSON.stringify({ name, private: true }), ...filesOf(path.join(packageRoot(), "examples", name)) }, options);
        // Its types have been checked with those of the whole package.
        this.project.env["PULUMI_NODEJS_TRANSPILE_ONLY"] = "true";
    }

    /** Deploys it for the first time. */
    async begin(): Promise<DeployedStack> {
        await this.project.begin();
        return this.up();
    }

    /** Runs `pulumi up`. */
    async up(): Promise<DeployedStack> {
        await this.project.pulumi("up", "--yes", "--skip-preview");
        return this.project.deployed();
    }

    /** Ends the nodes with all they run, and deletes everything. */
    async remove(): Promise<void> {
        const state = JSON.parse(await this.project.state()) as { deployment: { resources?: { type: string; outputs?: { folder?: unknown } }[] } };
        for (const { type, outputs } of state.deployment.resources ?? []) {
            if (type.endsWith(":Node") && typeof outputs?.folder === "string") await endLocalAgent(outputs.folder);
        }
        this.project.remove();
    }
}

const TRIES = 600;

/**
 * Looks until what is there is what should be.
 *
 * @param look - what is there
 * @param expected - what should be: a value, or a pattern of a text
 * @returns what was seen last
 */
export async function becomes<T>(look: () => Promise<T>, expected: T | RegExp): Promise<T> {
    for (let tries = 0; ; tries++) {
        const seen = await look();
        if (expected instanceof RegExp ? expected.test(String(seen)) : Object.is(seen, expected)) return seen;
        if (tries === TRIES) assert.fail(`it did not become ${String(expected)}; it is ${String(seen)}`);
        await sleep(100);
    }
}

/** What a module's device shows, as its node says. */
export async function pin(stack: DeployedStack, module: string, device: string): Promise<number | undefined> {
    return (await stack.pins(module)).find(({ name }) => name === device)?.value;
}

/** A handler's reply to a text, as text. */
export async function ask(stack: DeployedStack, connection: string, text = ""): Promise<string> {
    return Buffer.from(await stack.request(connection, Buffer.from(text))).toString("utf8");
}
