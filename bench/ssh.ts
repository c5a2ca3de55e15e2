// `pulumi up` of modules on ten machines over SSH beside `ssh HOST true`, once for each node and module, in turn: real OpenSSH
// servers on ten loopback addresses.
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "../tools/setup/toolchain";
import { TestProject } from "../test/pulumi/project";
import { SshHost } from "../test/ssh/server";
import type { Options } from "./main";
import { duration, median, ratio } from "./statistics";
import { print } from "./table";

const HOSTS = 10;
const MODULES = 10;
const OPERATIONS = {
    up: ["up", "--yes", "--skip-preview"], "no-op up": ["up", "--yes", "--skip-preview", "--expect-no-changes"], refresh: ["refresh", "--yes", "--skip-preview", "--expect-no-changes"],
    destroy: ["destroy", "--yes", "--skip-preview"],
} as const;
type Operation = keyof typeof OPERATIONS;

/** N modules on each of the hosts, connected in a ring over all of them. */
const PROGRAM = `
const ae = require("pulumi-authentic");
const pulumi = require("@pulumi/pulumi");
const deployment = new ae.Deployment("bench", {}, { protect: false });
const nodes = require("./hosts.json").map((ssh, number) => new ae.Node("n" + number, { deployment, tee: "native", ssh: pulumi.secret(ssh) }));
const count = nodes.length * new pulumi.Config().requireNumber("count");
const modules = Array.from({ length: count }, (_, number) => new ae.Module("m" + number, { node: nodes[number % nodes.length], source: "relay.c", config: { number } }));
for (const [number, from] of modules.entries()) new ae.Connection("c" + number, { from: from.output("left"), to: modules[(number + 1) % count].input("event") });
`;

/** Prints times, and over how many steps and connections they went. */
export async function ssh({ quick, modules = MODULES }: Options): Promise<void> {
    const hosts = await Promise.all(Array.from({ length: HOSTS }, () => new SshHost().start()));
    const found = new Map<Operation, { readonly ours: number[]; readonly plain: number[]; readonly connections: number; readonly steps: number }>();
    const resources = HOSTS * (1 + modules);
    try {
        for (let round = 0; round < (quick ? 1 : 3); round++) {
            const project = await projectOn(hosts, modules);
            const counter = path.join(project.folder, "..", "steps");
            try {
                for (const operation of Object.keys(OPERATIONS) as Operation[]) {
                    const plain = await timed(() => commands(hosts, 1 + modules));
                    const before = connections(hosts);
                    writeFileSync(counter, "");
                    const ours = await timed(() => project.pulumi(...OPERATIONS[operation]));
                    const so = found.get(operation) ?? { ours: [], plain: [], connections: connections(hosts) - before, steps: existsSync(counter) ? readFileSync(counter, "utf8").length : 0 };
                    so.ours.push(ours);
                    so.plain.push(plain);
                    found.set(operation, so);
                }
            } finally {
                await project.attempt("destroy", "--yes", "--skip-preview", "--stack", "dev");
                project.remove();
            }
        }
    } finally {
        await Promise.all(hosts.map((host) => host.remove()));
    }
    const rows = [...found].map(([operation, { ours, plain, connections: made, steps }]) =>
        [operation, duration(median(ours)), duration(median(plain)), ratio(median(ours.map((time, index) => time / (plain[index] ?? NaN)))), String(made), String(steps)]);
    print(`${HOSTS} nodes over SSH with ${modules} modules each, in a ring, beside \`ssh HOST true\` once for each of the ${resources} nodes and modules, hosts at once (${quick ? 1 : 3} rounds, in turn)`,
        ["operation", "pulumi", "ssh", "ratio", "SSH connections", "steps over them"], rows);
}

const connections = (hosts: readonly SshHost[]): number => hosts.reduce((sum, { connected }) => sum + connected, 0);

async function projectOn(hosts: readonly SshHost[], modules: number): Promise<TestProject> {
    const project = new TestProject({
        "Pulumi.yaml": "name: bench\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\nstackConfigDir: stacks\n",
        "package.json": '{ "name": "bench", "private": true, "main": "index.js" }\n',
        "index.js": PROGRAM,
        "hosts.json": JSON.stringify(hosts.map((host) => host.ssh())),
        "relay.c": readFileSync(path.join(packageRoot(), "bench", "modules", "relay.c"), "utf8"),
        "stacks/Pulumi.dev.yaml": `config:\n  bench:count: ${modules}\n  authentic:trust:\n    native: true\n`,
    });
    await project.begin();
    project.env["AUTHENTIC_BENCH_STEPS"] = path.join(project.folder, "..", "steps");
    project.env["NODE_OPTIONS"] = `--require ${path.join(__dirname, "ssh-steps.js")}`;
    return project;
}

/** Runs a command that does nothing, so many times on each host, each over a connection of its own. */
async function commands(hosts: readonly SshHost[], times: number): Promise<void> {
    await Promise.all(hosts.map(async (host) => {
        for (let run = 0; run < times; run++) await promisify(execFile)("ssh", [...host.sshWords, "true"]);
    }));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
    const begin = performance.now();
    await work();
    return performance.now() - begin;
}
