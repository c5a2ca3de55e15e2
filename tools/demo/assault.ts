// Runs the attacker against the deployed system, one attack after the other, and judges each by what the
// modules themselves say afterwards: the controller's count of readings it received and of those it missed.
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Field } from "../../examples/smart-irrigation/field";
import type { View } from "../../examples/smart-irrigation/view";
import type { DeployedStack } from "../../provider/stack/stack";
import { packageRoot } from "../setup/toolchain";
import { pulumi } from "../pulumi/cli";
import { DEMO_STACK, type Project } from "../pulumi/project";
import type { Plan } from "../attacker/attacks";
import { step, view } from "./play";
import { dim, green, red, say } from "./screen";

const ATTACKS = ["replay", "reorder", "drop", "forge", "splice", "old-epoch", "misdirect", "command"] as const;

interface Report {
    goal: string;
    did: string;
    refused: Record<string, number>;
}

/**
 * @returns how many attacks had an effect; 0 is what is expected
 */
export async function assault(stack: DeployedStack, field: Field, project: Project): Promise<number> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "attacker-"));
    let failures = 0;
    try {
        for (const attack of ATTACKS) {
            const plan = path.join(folder, `${attack}.json`);
            fs.writeFileSync(plan, JSON.stringify(planOf(stack, attack)));
            if (!await withstands(attack, plan, stack, field, project)) failures++;
        }
    } finally {
        fs.rmSync(folder, { recursive: true });
    }
    return failures;
}

/** The streams whose every event is counted at their end, with the dashboard's word for it. */
const STREAMS = [
    { connection: "moisture", from: "sensor", counted: (seen: View) => seen.received },
    { connection: "report", from: "controller", counted: (seen: View) => seen.reports },
    { connection: "moved", from: "valve", counted: (seen: View) => seen.moves },
    { connection: "running", from: "pump", counted: (seen: View) => seen.switches },
] as const;

/** Connection, sender and receiver where it is not the stream from the sensor to the controller. */
const ATTACKED: Readonly<Record<string, readonly [string, string, string]>> = {
    // It takes two streams to one module.
    splice: ["report", "controller", "dashboard"],
    // The deployer asks the dashboard alone.
    command: ["report", "dashboard", "controller"],
};

/** Everything in the plan is visible to the agents' owner. */
function planOf(stack: DeployedStack, attack: string): Plan {
    const socket = (node: string) => path.join(stack.node(node).folder, "agent.sock");
    const place = (module: string) => ({ agent: socket(stack.module(module).nodeName), instance: stack.module(module).instance });
    const { host, port } = stack.node("server").eventAddress;
    const poll = stack.module("controller").interface?.findIndex((one) => one.kind === "entry" && one.name === "poll") ?? -1;
    const [connection, sender, receiver] = ATTACKED[attack] ?? ["moisture", "sensor", "controller"];
    return {
        deployment: stack.module("sensor").deploymentId,
        connection: stack.connection(connection).connection,
        sender: place(sender),
        receiver: place(receiver),
        bystander: { ...place(attack === "command" ? "controller" : "dashboard"), address: `${host}:${String(port)}` },
        spare: stack.connection("moved").connection,
        traffic: { ...place("controller"), endpoint: poll },
    };
}

async function withstands(attack: string, plan: string, stack: DeployedStack, field: Field, project: Project): Promise<boolean> {
    const attacker = run(plan, attack);
    const weather = { goesOn: true };
    const playing = (async () => {
        while (weather.goesOn) {
            // The attacker may hold the agent's socket just now.
            await step(stack, field).catch(() => undefined);
            if (attack === "command") await view(stack).catch(() => undefined);
            await pause(500);
        }
    })();
    let report;
    try {
        [report] = await Promise.all([attacker, attack === "old-epoch" ? rotate(project) : undefined]);
    } finally {
        weather.goesOn = false;
        await playing;
    }
    const { intact, seen, sent } = await settled(stack);
    const refused = Object.entries(report.refused).map(([reason, count]) => `${reason} ${String(count)}`).join(", ");
    say(`   ${intact ? green("held  ") : red("BROKEN")} ${attack.padEnd(10)} ${report.did}`);
    say(dim(`          wanted: ${report.goal}. Refused: ${refused === "" ? "nothing got as far as a connection" : refused}. `
        + `Sensor sent ${String(sent[0])}, controller received ${String(seen.received)}, missed ${String(seen.missed)}`));
    return intact;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function run(plan: string, attack: string): Promise<Report> {
    return new Promise((resolve, reject) => {
        const program = path.join(packageRoot(), "dist", "tools", "attacker", "main.js");
        const child = spawn(process.execPath, [program, plan, attack], { stdio: ["ignore", "pipe", "pipe"] });
        let output = "";
        let errors = "";
        child.stdout.on("data", (chunk: Buffer) => { output += chunk.toString("utf8"); });
        child.stderr.on("data", (chunk: Buffer) => { errors += chunk.toString("utf8"); });
        child.once("error", reject);
        child.once("close", (code) => {
            if (code === 0) resolve(JSON.parse(output) as Report);
            else reject(new Error(`the attacker's ${attack} ended with ${String(code)}: ${errors}`));
        });
    });
}

/** Gives every connection a new key while the attacker holds frames of the old one. */
async function rotate(project: Project): Promise<void> {
    await pause(2000);
    await pulumi(["config", "set", "rotate", new Date().toISOString(), "--stack", DEMO_STACK], project);
    await pulumi(["up", "--yes", "--stack", DEMO_STACK], project);
}

/** The counter of the last event a module sealed on a connection, as its host says. */
async function sentOn(stack: DeployedStack, name: string, from: string): Promise<number> {
    const { instance, nodeName } = stack.module(from);
    const facts = await stack.agent(nodeName).instance(instance);
    const connection = facts?.connections.find((one) => one.connection === stack.connection(name).connection);
    return Number(connection?.next ?? 1) - 1;
}

/** Waits until nothing is under way, and judges: each stream has arrived as it was sent, nothing missing, nothing added. */
async function settled(stack: DeployedStack): Promise<{ intact: boolean; seen: View; sent: number[] }> {
    for (let tries = 0; ; tries++) {
        const sent = await Promise.all(STREAMS.map(({ connection, from }) => sentOn(stack, connection, from)));
        const seen = await view(stack);
        const intact = seen.missed === 0 && STREAMS.every(({ counted }, index) => counted(seen) === sent[index]);
        if (intact || tries === 40) return { intact, seen, sent };
        await pause(500);
    }
}
