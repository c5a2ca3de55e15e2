// npm run demo: deploys smart irrigation with `pulumi up`, lets it work, lets an attacker try, and says what to do next.
import { Field } from "../../examples/smart-irrigation/field";
import { DeployedStack } from "../../provider/stack/stack";
import { pulumi } from "../pulumi/cli";
import { DEMO_STACK, demoProject, exportStack, selectDemoStack } from "../pulumi/project";
import { assault } from "./assault";
import { besiege } from "./enclaves";
import { intrusion } from "./intrusion";
import { play, view } from "./play";
import { bold, dim, green, heading, red, say } from "./screen";

const SECONDS_OF_WEATHER = 30;

async function main(): Promise<void> {
    const project = demoProject();
    const quick = process.argv.includes("--quick");

    heading("1. pulumi up: compile, load, attest, key and connect five modules on SGX, TrustZone and Sancus");
    await selectDemoStack(project);
    await pulumi(["up", "--yes", "--stack", DEMO_STACK, "--suppress-outputs"], { ...project, onOutput: (text) => { process.stdout.write(dim(text)); } });

    const stack = DeployedStack.fromExport(await exportStack(DEMO_STACK, project));
    for (const { name, nodeName, measurement, assurance } of stack.state.modules) {
        say(`   ${name.padEnd(10)} on ${nodeName.padEnd(7)} measurement ${measurement?.slice(0, 16) ?? "?"}…  assurance ${assurance}`);
    }

    heading("2. Half a minute of weather: the soil dries, the valve opens below 45 % and closes above 55 %");
    const field = new Field();
    await play(stack, field, quick ? 5 : SECONDS_OF_WEATHER);

    heading("3. Someone owns all agents and the network");
    const effects = await assault(stack, field, project);

    heading("4. The same attacker turns to the controller's enclave");
    const enclave = stack.module("controller").tee === "sgx";
    if (!enclave) say("   There is none: with `tee: \"native\"` nothing keeps the owner of the machine out.");
    const reached = enclave ? await besiege(stack, "controller") : 0;

    heading("5. And runs code of their own on the Sancus board, in place of the event manager's");
    const failures = effects + reached + await intrusion(stack, field);
    const after = await view(stack);
    say();
    if (failures === 0 && after.missed === 0) {
        say(green(`   Nothing was accepted. The controller's stream is contiguous: ${String(after.received)} readings received, ${String(after.missed)} missed.`));
    } else {
        say(red(`   ${String(failures)} attacks had an effect; readings missed: ${String(after.missed)}.`));
        process.exitCode = 1;
    }

    heading("What to try next");
    next();
}

function next(): void {
    const lines: [string, string][] = [
        ["npm run pulumi -- preview --diff", "nothing to do; now edit examples/smart-irrigation/modules/controller.c and look again: measurement old → new"],
        ["npm run pulumi -- config set openBelow 40", "change the measured configuration, then `npm run pulumi -- up`"],
        ["npm run pulumi -- config set rotate 2", "then `npm run pulumi -- up` rotates the keys of all connections"],
        ["npm run authentic -- status", "what runs, with counters; `watch`, `logs` and `attest` show more, `npm run authentic -- --help` everything"],
        ["npm run pulumi -- refresh", "attest everything again; end a module's process first and see what it finds"],
        ["npm run pulumi -- destroy", "end everything: no process, file or port is left"],
    ];
    for (const [command, what] of lines) say(`   ${bold(command)}\n      ${what}`);
    say(dim("\n   State and passphrase of this demonstration are in .authentic/, for you alone."));
}

main().catch((error: unknown) => {
    say(red(error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
});
