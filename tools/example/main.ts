// npm run example -- NAME: deploys an example with `pulumi up` and says how to look at it.
import * as path from "node:path";
import { DeployedStack } from "../../provider/stack/stack";
import { bold, dim, heading, red, say } from "../demo/screen";
import { pulumi } from "../pulumi/cli";
import { DEMO_STACK, demoProject, exampleNames, exampleProject, exportStack, selectDemoStack } from "../pulumi/project";

async function main([name, ...rest]: readonly string[]): Promise<void> {
    const names = exampleNames();
    if (name === undefined || rest.length > 0 || !names.includes(name)) {
        const wrong = name === undefined ? "no example is named" : rest.length > 0 ? `one example is deployed at a time, not ${[name, ...rest].join(" and ")}` : `there is no example "${name}"`;
        throw new Error(`${wrong}\n  next: npm run example -- NAME, where NAME is one of ${names.join(", ")}`);
    }
    const project = exampleProject(name);
    const root = demoProject().cwd;
    const folder = path.relative(root, project.cwd);

    heading(`pulumi up: ${name}`);
    await selectDemoStack(project);
    await pulumi(["up", "--yes", "--skip-preview", "--stack", DEMO_STACK, "--suppress-outputs"], { ...project, onOutput: (text) => { process.stdout.write(dim(text)); } });
    const stack = DeployedStack.fromExport(await exportStack(DEMO_STACK, project));
    for (const { name: module, nodeName, measurement, assurance } of [...stack.state.modules].sort((a, b) => a.name.localeCompare(b.name))) {
        say(`   ${module.padEnd(24)} on ${nodeName.padEnd(16)} measurement ${measurement?.slice(0, 16) ?? "?"}…  assurance ${assurance}`);
    }

    heading(`It runs. What to try is in examples/${name}/README.md; these work with every example`);
    const pulumiOption = folder === "" ? "" : ` -C ${folder}`;
    const authenticOption = folder === "" ? "" : ` --cwd ${folder}`;
    for (const command of [`npm run authentic -- status${authenticOption}`, `npm run pulumi -- preview --diff${pulumiOption}`, `npm run pulumi -- up --yes${pulumiOption}`, `npm run pulumi -- destroy --yes${pulumiOption}`]) {
        say(`   ${bold(command)}`);
    }
}

main(process.argv.slice(2)).catch((error: unknown) => {
    say(red(error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
});
