// The attacker's command line: node dist/tools/attacker/main.js PLAN.json ATTACK
// Prints one JSON line: what was done, and what the hosts counted as refused meanwhile.
import * as fs from "node:fs";
import { refusals } from "./agent";
import { attacks, type Plan } from "./attacks";

async function main(): Promise<void> {
    const [planFile, name] = process.argv.slice(2);
    const attack = attacks[name ?? ""];
    if (planFile === undefined || attack === undefined) {
        process.stderr.write(`usage: main.js PLAN.json ${Object.keys(attacks).join("|")}\n`);
        process.exitCode = 2;
        return;
    }
    const plan = JSON.parse(fs.readFileSync(planFile, "utf8")) as Plan;
    const watched = [plan.receiver, ...(plan.bystander === undefined ? [] : [plan.bystander])];
    const count = async () => Promise.all(watched.map(async (end) => refusals(end.agent, end.instance)));
    const before = await count();
    const did = await attack.run(plan);
    const after = await count();
    const refused: Record<string, number> = {};
    after.forEach((reasons, index) => {
        for (const [reason, total] of Object.entries(reasons)) {
            const grown = total - (before[index]?.[reason] ?? 0);
            if (grown > 0) refused[reason] = (refused[reason] ?? 0) + grown;
        }
    });
    process.stdout.write(`${JSON.stringify({ attack: name, goal: attack.goal, did, refused })}\n`);
}

main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
});
