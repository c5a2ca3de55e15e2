// A clone of the package that was set up: what its commands change is its own.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { endLocalAgent } from "../../provider/agent/local";
import { packageRoot } from "../../tools/setup/toolchain";
import { type Run, shell } from "./shell";

/** Made by set-up, or none of the package's. */
const NOT_COPIED = new Set([".git", ".authentic", "node_modules", "runtime"]);

export class Clone {
    private readonly base = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-clone-"));
    readonly folder = path.join(this.base, "clone");
    private readonly nodes = path.join(this.base, "nodes");

    constructor(root = packageRoot()) {
        fs.cpSync(root, this.folder, { recursive: true, filter: (file) => !NOT_COPIED.has(path.relative(root, file)) && !file.endsWith(".demo.yaml") });
        // A link, not a copy: Cargo would build the programs again at another place.
        fs.symlinkSync(path.join(root, "runtime"), path.join(this.folder, "runtime"));
        this.linkPackages(path.join(root, "node_modules"), path.join(this.folder, "node_modules"));
        fs.mkdirSync(path.join(this.folder, ".authentic"), { mode: 0o700 });
        fs.copyFileSync(path.join(root, ".authentic", "toolchain.json"), path.join(this.folder, ".authentic", "toolchain.json"));
    }

    /** The packages are the original's; this package is the clone's own. */
    private linkPackages(from: string, to: string): void {
        fs.mkdirSync(to);
        for (const name of fs.readdirSync(from)) {
            if (name !== "pulumi-authentic") fs.symlinkSync(path.join(from, name), path.join(to, name));
        }
        fs.symlinkSync("..", path.join(to, "pulumi-authentic"));
    }

    /** Runs what a reader pastes into a shell. It stops at the first command that fails. */
    shell(script: string): Promise<Run> {
        return shell(script, this.folder, { ...process.env, AUTHENTIC_STATE: this.nodes });
    }

    /** Names of the nodes that have an agent. */
    running(): string[] {
        return this.nodeFolders().filter((folder) => fs.existsSync(path.join(folder, "agent.pid"))).map((folder) => path.basename(folder).replace(/-[0-9a-f]{6}$/, ""));
    }

    private nodeFolders(): string[] {
        const deployments = fs.existsSync(this.nodes) ? fs.readdirSync(this.nodes) : [];
        return deployments.flatMap((deployment) => fs.readdirSync(path.join(this.nodes, deployment)).map((node) => path.join(this.nodes, deployment, node)));
    }

    /** Ends the nodes that still run, and deletes everything. */
    async remove(): Promise<void> {
        for (const folder of this.nodeFolders()) await endLocalAgent(folder);
        fs.rmSync(this.base, { recursive: true, force: true });
    }
}
