// Each attack of someone who owns the agents and the network, against the real kit, which withstands it, and against a
// kit without the check that stops it, where it has to succeed. The count is that of the modules' own records.
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { attacks } from "../../tools/attacker/attacks";
import { packageRoot } from "../../tools/setup/toolchain";
import { System } from "./system";
import { weakenedKit, weakenings } from "./weakened";

/** What each attack would show if it succeeded: its effect in the records of the modules; undefined where there is none. */
const effects: Record<string, (system: System) => Promise<string | undefined>> = {
    replay: duplicates,
    reorder: disorder,
    drop: gaps,
    forge: strangers("recorder", "number", "4e"),
    splice: strangers("recorder", "letter", "4c"),
    "old-epoch": duplicates,
    misdirect: strangers("bystander", "letter", "4c"),
    command: repeatedOrders,
};

const numbersOf = async (system: System) => (await system.recorded("recorder")).filter(([input]) => input === "number").map(([, data]) => parseInt(data.slice(2), 16));

async function duplicates(system: System): Promise<string | undefined> {
    const numbers = await numbersOf(system);
    const twice = numbers.find((one, index) => numbers.indexOf(one) !== index);
    return twice === undefined ? undefined : `number ${String(twice)} was delivered twice`;
}

async function disorder(system: System): Promise<string | undefined> {
    const numbers = await numbersOf(system);
    const index = numbers.findIndex((one, at) => at > 0 && one < (numbers[at - 1] ?? 0));
    return index < 0 ? undefined : `number ${String(numbers[index])} was delivered after ${String(numbers[index - 1])}`;
}

async function gaps(system: System): Promise<string | undefined> {
    const numbers = await numbersOf(system);
    const index = numbers.findIndex((one, at) => one !== (numbers[at - 1] ?? 0) + 1);
    return index < 0 ? undefined : `number ${String(numbers[index])} was delivered after ${String(numbers[index - 1] ?? 0)}`;
}

/** Events at an input that do not begin as the source's do. */
function strangers(who: "recorder" | "bystander", input: string, mark: string): (system: System) => Promise<string | undefined> {
    return async (system) => {
        const stranger = (await system.recorded(who)).find(([at, data]) => at === input && !data.startsWith(mark));
        return stranger === undefined ? undefined : `${who} accepted ${stranger[1]} as ${input}`;
    };
}

async function repeatedOrders(system: System): Promise<string | undefined> {
    const orders = (await system.recorded("source")).map(([, data]) => data);
    const twice = orders.find((one, index) => orders.indexOf(one) !== index);
    return twice === undefined ? undefined : `order ${twice} was carried out twice`;
}

/** Runs the attacker as a process of its own, with what it needs from the deployer's side going on meanwhile. */
async function attack(system: System, name: string): Promise<{ did: string; refused: Record<string, number> }> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "attack-"));
    try {
        const plan = path.join(folder, "plan.json");
        fs.writeFileSync(plan, JSON.stringify(system.plan()));
        const attacker = run([path.join(packageRoot(), "dist", "tools", "attacker", "main.js"), plan, name]);
        const victim = name === "old-epoch" ? pause(2500).then(() => system.rotate()) : name === "command" ? orders(system) : Promise.resolve();
        const [output] = await Promise.all([attacker, victim]);
        return JSON.parse(output) as { did: string; refused: Record<string, number> };
    } finally {
        fs.rmSync(folder, { recursive: true });
    }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Orders to overhear: each is given once. Those that fail while the agent's socket changes hands are not repeated. */
async function orders(system: System): Promise<void> {
    for (let number = 1; number <= 12; number++) {
        await pause(250);
        await system.order(Uint8Array.of(0x4f, 0, 0, number)).catch(() => undefined);
    }
}

function run(args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
        const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
        const texts = { stdout: "", stderr: "" };
        for (const name of ["stdout", "stderr"] as const) child[name].on("data", (chunk: Buffer) => { texts[name] += chunk.toString("utf8"); });
        child.once("error", reject);
        child.once("close", (code) => {
            if (code === 0) resolve(texts.stdout);
            else reject(new Error(`the attacker ended with ${String(code)}: ${texts.stderr}`));
        });
    });
}

/** Waits until the recorder has everything the source has sent. */
async function contiguous(system: System): Promise<void> {
    let numbers: number[] = [];
    let sent = 0;
    for (let tries = 0; tries < 100; tries++) {
        [numbers, sent] = [await numbersOf(system), await system.sent()];
        if (numbers.length >= sent) break;
        await pause(200);
    }
    assert.ok(sent > 3, "no events flowed");
    assert.deepEqual(numbers, Array.from({ length: sent }, (_, index) => index + 1));
}

describe("an attacker who owns agents and network", () => {
    for (const [name, { goal }] of Object.entries(attacks)) {
        const effect = effects[name];

        it(`gets nowhere with ${name}`, async () => {
            assert.ok(effect !== undefined, "no effect is defined");
            const system = await System.deploy();
            try {
                const { refused } = await attack(system, name);
                if (name === "command") {
                    assert.ok((await system.recorded("source")).length > 0, "no order was carried out");
                } else {
                    await contiguous(system);
                    assert.ok(Object.keys(refused).length > 0, "the attack never reached the module");
                }
                assert.equal(await effect(system), undefined);
            } finally {
                await system.close();
            }
        });

        it(`succeeds with ${name} where the kit lacks the check: ${goal}`, async () => {
            assert.ok(effect !== undefined, "no effect is defined");
            const kit = weakenedKit(weakenings[name] ?? []);
            try {
                const system = await System.deploy(kit.folder);
                try {
                    await attack(system, name);
                    let seen: string | undefined;
                    for (let tries = 0; tries < 25 && seen === undefined; tries++) {
                        seen = await effect(system);
                        if (seen === undefined) await pause(200);
                    }
                    assert.notEqual(seen, undefined, "the weakened kit withstood: the attack shows nothing");
                } finally {
                    await system.close();
                }
            } finally {
                kit.remove();
            }
        });
    }
});
