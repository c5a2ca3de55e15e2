// The package's own project, deployed on this machine: its state folder, passphrase and environment.
import * as fs from "node:fs";
import * as path from "node:path";
import { packageRoot } from "../setup/toolchain";
import { pulumi } from "./cli";
import { ensurePassphrase, pulumiEnvironment } from "./environment";

export interface Project {
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
}

/** The project at the root of the package, with state under `.authentic/state`. */
export function demoProject(root: string = packageRoot()): Project {
    const folder = path.join(root, ".authentic");
    return { cwd: root, env: pulumiEnvironment({ backend: path.join(folder, "state"), passphraseFile: ensurePassphrase(folder) }) };
}

/** Names of the examples, in order. */
export function exampleNames(root: string = packageRoot()): string[] {
    return fs.readdirSync(path.join(root, "examples"), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
}

/** The project of an example, with state beside the demonstration's. The demonstration's own example is the package's project. */
export function exampleProject(name: string, root: string = packageRoot()): Project {
    const folder = path.join(root, "examples", name);
    return { ...demoProject(root), cwd: fs.existsSync(path.join(folder, "Pulumi.yaml")) ? folder : root };
}

/** The stack of the demonstration and of each example: as `dev`, but its configuration is its own, so that trying things changes no file of the package. */
export const DEMO_STACK = "demo";

/** Creates and selects the stack of the demonstration where that has not been done. */
export async function selectDemoStack(project: Project): Promise<void> {
    const stacks = path.join(project.cwd, "stacks");
    const folder = fs.existsSync(stacks) ? stacks : project.cwd;
    const settings = path.join(folder, `Pulumi.${DEMO_STACK}.yaml`);
    if (!fs.existsSync(settings)) fs.copyFileSync(path.join(folder, "Pulumi.dev.yaml"), settings);
    await pulumi(["stack", "select", DEMO_STACK, "--create"], project);
}

/** The state of a stack with its secrets in clear: for memory only. */
export async function exportStack(stack: string, project: Project): Promise<unknown> {
    return JSON.parse(await pulumi(["stack", "export", "--show-secrets", "--stack", stack], project));
}
