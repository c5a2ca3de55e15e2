// Runs the attacker against the deployed system, one attack after the other, and judges each by what the
// modules themselves say afterwards: the controller's count of readings it received and of those it missed.
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Field } from "../../examples/smart-irrigation/field";
import type { DeployedStack } from "../../provider/stack/stack";
import { AgentClient } from "../../provider/agent/client";
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
    const plan = path.join(folder, "plan.json");
    fs.writeFileSync(plan, JSON.stringify(planOf(stack)));
    let failures = 0;
    try {
        for (const attack of ATTACKS) {
            if (!await withstands(attack, plan, stack, field, project)) failures++;
        }
    } finally {
        fs.rmSync(folder, { recursive: true });
    }
    return failures;
}

/** The stream from the sensor to the controller is under attack; everything in the plan is visible to the agents' owner. */
function planOf(stack: DeployedStack): Plan {
    const socket = (node: string) => path.join(stack.node(node).folder, "agent.sock");
    const place = (module: string) => ({ agent: socket(stack.module(module).nodeName), instance: stack.module(module).instance });
    const { host, port } = stack.node("server").eventAddress;
    const poll = stack.module("controller").interface?.findIndex((one) => one.kind === "entry" && one.name === "poll") ?? -1;
    return {
        deployment: stack.module("sensor").deploymentId,
        connection: stack.connection("moisture").connection,
        sender: place("sensor"),
        receiver: place("controller"),
        bystander: { ...place("dashboard"), address: `${host}:${String(port)}` },
        spare: stack.connection("report").connection,
        traffic: { ...place("controller"), endpoint: poll },
    };
}

async function withstands(attack: (typeof ATTACKS)[number], plan: string, stack: DeployedStack, field: Field, project: Project): Promise<boolean> {
    const attacker = run(plan, attack);
    let done = false;
    const weather = (async () => {
        while (!done) {
            await step(stack, field).catch(() => undefined);
            await new Promise((resolve) => setTimeout(resolve, 500));
        }
    })();
    if (attack === "old-epoch") await rotate(project);
    let report;
    try {
        report = await attacker;
    } finally {
        done = true;
        await weather;
    }
    await settled(stack);
    const seen = await view(stack);
    const sent = await sentBySensor(stack);
    const intact = seen.missed === 0 && BigInt(seen.received) === sent;
    const refused = Object.entries(report.refused).map(([reason, count]) => `${reason} ${String(count)}`).join(", ");
    say(`   ${intact ? green("held  ") : red("BROKEN")} ${attack.padEnd(10)} ${report.did}`);
    say(dim(`          wanted: ${report.goal}. Refused: ${refused === "" ? "nothing arrived" : refused}. Sensor sent ${String(sent)}, controller received ${String(seen.received)}, missed ${String(seen.missed)}`));
    return intact;
}

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
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await pulumi(["config", "set", "rotate", new Date().toISOString(), "--stack", DEMO_STACK], project);
    await pulumi(["up", "--yes", "--stack", DEMO_STACK], project);
}

/** What the sensor's host has sent on the connection under attack: the highest counter. */
async function sentBySensor(stack: DeployedStack): Promise<bigint> {
    const { instance, nodeName } = stack.module("sensor");
    const facts = await new AgentClient(stack.node(nodeName).folder).instance(instance);
    const connection = facts?.connections.find((one) => one.connection === stack.connection("moisture").connection);
    return BigInt(connection?.next ?? 1) - 1n;
}

/** Waits until nothing is under way: the controller has as many readings as the sensor sent, or time is up. */
async function settled(stack: DeployedStack): Promise<void> {
    for (let tries = 0; tries < 40; tries++) {
        const [sent, seen] = [await sentBySensor(stack), await view(stack)];
        if (BigInt(seen.received) >= sent) return;
        await new Promise((resolve) => setTimeout(resolve, 500));
    }
}
