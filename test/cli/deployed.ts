// A small application of real agents and modules, native ones unless a test says otherwise, and `authentic` run on it as a child process.
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { AgentClient } from "../../provider/agent/client";
import type { Properties } from "../../provider/lifecycle/hooks";
import * as ae from "../../resources";
import { Stack } from "../lifecycle/stack";

export const MAIN = path.resolve(__dirname, "../../provider/cli/main.js");

const TALKER = `
#include <authentic.h>

AUTHENTIC_CONFIG_INTEGER(step)
AUTHENTIC_OUTPUT(beat, 8)
AUTHENTIC_DEVICE(lamp, AUTHENTIC_WRITTEN)
AUTHENTIC_DEVICE(knob, AUTHENTIC_READ)
AUTHENTIC_ENTRY(work, 8) { lamp_write(knob_read() + (uint32_t)step()); beat(data, length); authentic_log("worked"); }
AUTHENTIC_ENTRY(crash, 0) { (void)data; (void)length; *(volatile int *)8 = 1; }
`;
const LISTENER = `
#include <authentic.h>

static uint32_t heard;
AUTHENTIC_INPUT(beat, 8) { (void)data; (void)length; heard++; }
AUTHENTIC_HANDLER(query, 16, 20) {
    uint8_t *out = reply;
    if (length > 0 && ((const uint8_t *)data)[0] == '!') return -1;
    if (capacity < length + 4) return -1;
    memcpy(out, data, length);
    out[length] = '#', out[length + 1] = (uint8_t)('0' + heard % 10);
    return (int64_t)length + 2;
}
`;

/** How the command ended. */
export interface Run {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
}

/** What the nodes are. */
export interface Places {
    readonly node: { readonly tee: string; readonly backend?: "emulated" };
    /** Pins of the talker's devices `lamp` and `knob`; default: those of the same names. */
    readonly devices?: Record<string, string>;
}

/** The application: nodes `field` and `server`, modules `talker` and `listener`, connections `beat`, `tell` and `query`. */
export class Deployed {
    readonly base = fs.mkdtempSync(path.join(os.tmpdir(), "cli-"));
    readonly stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
    /** Everything the command printed. */
    printed = "";

    constructor(private readonly places: Places = { node: { tee: "native" } }) {}

    async up(step = 1): Promise<void> {
        process.env["AUTHENTIC_STATE"] = path.join(this.base, "nodes");
        fs.writeFileSync(path.join(this.base, "talker.c"), TALKER);
        fs.writeFileSync(path.join(this.base, "listener.c"), LISTENER);
        await this.stack.up(() => {
            const deployment = new ae.Deployment("d");
            const { node, devices } = this.places;
            const field = new ae.Node("field", { deployment, ...node });
            const server = new ae.Node("server", { deployment, ...node });
            const talker = new ae.Module("talker", { node: field, source: path.join(this.base, "talker.c"), config: { step }, ...(devices === undefined ? {} : { devices }) });
            const listener = new ae.Module("listener", { node: server, source: path.join(this.base, "listener.c") });
            new ae.Connection("beat", { from: talker.output("beat"), to: listener.input("beat") });
            new ae.Connection("tell", { from: deployment, to: listener.input("beat") });
            new ae.Connection("query", { from: deployment, to: listener.handler("query") });
            new ae.Trigger("tick", { module: talker, entry: "work", every: "1h" });
        });
    }

    async remove(): Promise<void> {
        await this.stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(this.base, { recursive: true });
    }

    agent(node: "field" | "server"): AgentClient {
        return new AgentClient(this.stack.outs("Node", node)["folder"] as string);
    }

    /** The stack as `pulumi stack export` has it; without `--show-secrets` the deployer's key is hidden. */
    exported(options: { readonly secrets?: boolean; readonly change?: (outs: Properties, name: string) => Properties } = {}): string {
        const { secrets = true, change = (outs: Properties) => outs } = options;
        const mark = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
        const secret = (value: unknown) => secrets ? { ...mark, plaintext: JSON.stringify(value) } : { ...mark, ciphertext: "djE6" };
        const resources = [...this.stack.state.values()].map(({ kind, name, id, outs }) => ({
            urn: `urn:pulumi:dev::test::pulumi-nodejs:dynamic/authentic:${kind}::${name}`, custom: true, id, type: `pulumi-nodejs:dynamic/authentic:${kind}`,
            outputs: Object.fromEntries(Object.entries(change(outs, name)).map(([key, value]) => [key, key === "deployerKey" || key === "privateKey" ? secret(value) : value])),
        }));
        return JSON.stringify({ version: 3, deployment: { manifest: {}, resources } });
    }

    /** A file that holds the exported stack, for commands that read something else from standard input. */
    stateFile(options?: Parameters<Deployed["exported"]>[0]): string {
        const file = path.join(this.base, "state.json");
        fs.writeFileSync(file, this.exported(options), { mode: 0o600 });
        return file;
    }

    /** Starts the command; `end` gives its outcome. */
    start(args: readonly string[], input = "") {
        const child = spawn(process.execPath, [MAIN, ...args]);
        // A call that fails early does not read its input.
        child.stdin.on("error", () => undefined).end(input);
        const run = { stdout: "", stderr: "" };
        for (const stream of ["stdout", "stderr"] as const) child[stream].setEncoding("utf8").on("data", (text: string) => { run[stream] += text; });
        const end = new Promise<Run>((resolve, reject) => child.once("error", reject).once("close", (code) => {
            this.printed += run.stdout + run.stderr;
            resolve({ code, ...run });
        }));
        return { child, run, end };
    }

    /** Runs a subcommand with the stack on standard input. */
    on(subcommand: string, ...args: string[]): Promise<Run> {
        return this.start([subcommand, "--state", "-", ...args], this.exported()).end;
    }
}
