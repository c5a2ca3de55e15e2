// A Pulumi project in a temporary folder with a state of its own, run by the real CLI.
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { DeployedStack } from "../../provider/stack/stack";
import { pulumi, runPulumi, type PulumiRun } from "../../tools/pulumi/cli";
import { ensurePassphrase, pulumiEnvironment } from "../../tools/pulumi/environment";
import { packageRoot } from "../../tools/setup/toolchain";
import { processes } from "../processes";

/**
 * Files of the project smart irrigation with the package's own `Pulumi.yaml` and stacks, for {@link TestProject}. The program is
 * compiled already.
 *
 * @param more - JavaScript after the program
 */
export function smartIrrigation(more = ""): Record<string, string> {
    const example = path.join("examples", "smart-irrigation");
    const read = (...names: string[]) => fs.readFileSync(path.join(packageRoot(), ...names), "utf8");
    const all = (folder: string, as: string) => fs.readdirSync(path.join(packageRoot(), folder)).filter((name) => !name.includes("demo")).map((name) => [`${as}/${name}`, read(folder, name)] as const);
    return {
        "Pulumi.yaml": read("Pulumi.yaml").replace("runtime: nodejs", "runtime:\n  name: nodejs\n  options:\n    typescript: false").replace(`main: ${example}/index.ts`, "main: program/"),
        "program/package.json": '{ "name": "irrigation", "private": true }\n',
        "program/index.js": read("dist", example, "index.js") + more,
        ...Object.fromEntries([...all(path.join(example, "modules"), "program/modules"), ...all("stacks", "stacks")]),
    };
}

/** A project and its stack `dev`. */
export class TestProject {
    /** Folder of the project. */
    readonly folder: string;
    /** Environment of the CLI. */
    readonly env: NodeJS.ProcessEnv;
    private readonly base: string;

    /**
     * Writes the project; its npm packages are those of this package, by a link.
     *
     * @param files - path in the project → content
     * @param options - `modules: false` leaves the npm packages out
     */
    constructor(files: Readonly<Record<string, string>>, options: { readonly modules?: boolean } = {}) {
        this.base = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-project-"));
        this.folder = path.join(this.base, "project");
        for (const [name, content] of Object.entries(files)) this.write(name, content);
        if (options.modules !== false) {
            fs.symlinkSync(path.join(packageRoot(), "node_modules"), path.join(this.folder, "node_modules"));
        }
        this.env = pulumiEnvironment({ backend: path.join(this.base, "state"), passphraseFile: ensurePassphrase(path.join(this.base, randomBytes(4).toString("hex"))) });
    }

    /** Writes a file of the project. */
    write(name: string, content: string): void {
        const file = path.join(this.folder, name);
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, content);
    }

    /**
     * Begins a stack, with a kit and nodes of the project's own: the kit is part of every measurement, and work on it
     * must not change what runs while a test does.
     *
     * @returns the folder of the nodes
     */
    async begin(stack = "dev"): Promise<string> {
        const [kit, nodes] = [path.join(this.base, "kit"), path.join(this.base, "nodes")];
        fs.cpSync(path.join(packageRoot(), "runtime", "kit"), kit, { recursive: true });
        this.env["AUTHENTIC_KIT"] = kit;
        this.env["AUTHENTIC_STATE"] = nodes;
        await this.pulumi("stack", "init", stack);
        return nodes;
    }

    /** Runs the CLI, which must succeed; returns its standard output. */
    pulumi(...args: string[]): Promise<string> {
        return pulumi(args, { cwd: this.folder, env: this.env });
    }

    /** Runs the CLI, which may fail. */
    attempt(...args: string[]): Promise<PulumiRun> {
        return runPulumi(args, { cwd: this.folder, env: this.env });
    }

    /** Sets a secret of the stack, which comes over standard input. @param key - a path */
    async setSecret(key: string, secret: string): Promise<void> {
        await pulumi(["config", "set", "--path", key, "--secret"], { cwd: this.folder, env: this.env, input: secret });
    }

    /** The outputs of the stack, secrets in clear. */
    async outputs(): Promise<Record<string, unknown>> {
        return JSON.parse(await this.pulumi("stack", "output", "--json", "--show-secrets")) as Record<string, unknown>;
    }

    /** The stack as its deployer uses it. */
    async deployed(): Promise<DeployedStack> {
        return DeployedStack.fromExport(JSON.parse(await this.pulumi("stack", "export", "--show-secrets")));
    }

    /** The stack's state as the backend holds it. */
    async state(): Promise<string> {
        return this.pulumi("stack", "export");
    }

    /** Deletes everything, and ends what an engine that was killed has left: Pulumi's providers do not end with it. */
    remove(): void {
        for (const { pid } of processes().filter(({ line }) => line.includes("\0dynamic-provider\0"))) {
            try {
                if (fs.readlinkSync(`/proc/${pid}/cwd`).startsWith(this.base)) process.kill(pid, "SIGKILL");
            } catch {
                // It has ended meanwhile.
            }
        }
        fs.rmSync(this.base, { recursive: true, force: true });
    }
}
