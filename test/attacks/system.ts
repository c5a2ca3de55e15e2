// A small real system to attack: a source on one node, a recorder and a bystander on another, built, loaded, attested and
// keyed by the provider's own parts, without Pulumi around them.
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { deployerKeyOf, generateDeployer, loadDeployer } from "../../provider/session/deployer";
import { instanceId } from "../../provider/protocol/names";
import { hex } from "../../provider/protocol/bytes";
import { real } from "../../provider/lifecycle/real";
import type { Agent, AgentInfo } from "../../provider/lifecycle/surroundings";
import type { Deployer, DeployerLink, End, Link, SessionDriver } from "../../provider/session/session";
import type { Interface } from "../../provider/tee/tee";
import type { Plan } from "../../tools/attacker/attacks";
import { packageRoot } from "../../tools/setup/toolchain";

const MODULES = path.join(packageRoot(), "test", "attacks", "modules");

interface Loaded {
    readonly id: string;
    readonly end: End;
    readonly agent: Agent;
    readonly info: AgentInfo;
    readonly interface: Interface;
}

export class System {
    private folders: string[] = [];
    private constructor(
        private readonly deployer: Deployer,
        readonly driver: SessionDriver,
    ) {}
    private source!: Loaded;
    private recorder!: Loaded;
    private bystander!: Loaded;
    private numbers!: Link;
    private letters!: Link;
    private orders!: DeployerLink;

    /** @param kit - folder of the kit to build with; the package's own where absent */
    static async deploy(kit?: string): Promise<System> {
        const deployer = loadDeployer(generateDeployer());
        const system = new System(deployer, await real.driver(deployer));
        try {
            await system.build(kit);
        } catch (error) {
            await system.close();
            throw error;
        }
        return system;
    }

    private async build(kit: string | undefined): Promise<void> {
        const [field, server] = [await this.startNode("field"), await this.startNode("server")];
        this.source = await this.load("source", "source.c", field, kit);
        this.recorder = await this.load("recorder", "recorder.c", server, kit);
        this.bystander = await this.load("bystander", "recorder.c", server, kit);
        this.numbers = await this.connect("number", "number", this.recorder, "number", 11);
        this.letters = await this.connect("letter", "letter", this.recorder, "letter", 12);
        await this.connect("aside", "letter", this.bystander, "letter", 13);
        this.orders = { connection: 14, name: "orders", to: { end: this.source.end, endpoint: endpoint(this.source, "input", "order") } };
        await this.driver.connectDeployer(this.orders);
    }

    /** What the attacker may know: all that the owner of both agents sees. */
    plan(): Plan {
        const place = ({ info, id }: Loaded) => ({ agent: path.join(info.folder, "agent.sock"), instance: id });
        return {
            deployment: hex(this.deployer.deployment),
            connection: this.numbers.connection,
            spare: this.letters.connection,
            sender: place(this.source),
            receiver: place(this.recorder),
            bystander: { ...place(this.bystander), address: addressOf(this.bystander.info) },
            traffic: { ...place(this.source), endpoint: endpoint(this.source, "entry", "emit") },
        };
    }

    /** Gives the connection under attack a new key. */
    async rotate(): Promise<void> {
        await this.driver.connect(this.numbers, { rotate: "drain" });
    }

    async order(data: Uint8Array): Promise<void> {
        const { status } = await this.driver.send(this.orders, data);
        if (status !== "done") throw new Error(`the order was not carried out: ${status}`);
    }

    /** What the modules themselves published, in order: `[input, hexadecimal]`. */
    async recorded(who: "source" | "recorder" | "bystander"): Promise<[string, string][]> {
        const { info, id } = this[who];
        const log = await fs.promises.readFile(path.join(info.folder, "instances", id, "host.log"), "utf8");
        return [...log.matchAll(/recorded (\w+) ([0-9a-f]*)/g)].map(([, input = "", data = ""]) => [input, data]);
    }

    /** How many numbered events the source has sealed. */
    async sent(): Promise<number> {
        const { status } = await this.driver.attest(this.source.end);
        return Number(status.connections.find((one) => one.connection === this.numbers.connection)?.next) - 1;
    }

    async close(): Promise<void> {
        for (const folder of this.folders) await real.endAgent(folder);
    }

    private async startNode(node: string): Promise<AgentInfo> {
        const folder = path.join(os.tmpdir(), `ae-${randomBytes(4).toString("hex")}`);
        const info = await real.startAgent({ node, deployment: hex(this.deployer.deployment), listenAddress: "127.0.0.1", folder });
        this.folders.push(info.folder);
        return info;
    }

    private async load(name: string, source: string, info: AgentInfo, kit: string | undefined): Promise<Loaded> {
        const tee = (await real.tees())["native"];
        if (tee === undefined) throw new Error("there is no native node type");
        const build = await withKit(kit, () => tee.build({ name, sources: [path.join(MODULES, source)] }));
        const instance = instanceId(this.deployer.deployment, name);
        const { image, measurement } = tee.finalize(build, {
            deployment: this.deployer.deployment, instance, deployerKey: deployerKeyOf(this.deployer), values: {},
        });
        const agent = await real.agent(info.folder);
        const id = hex(instance);
        await agent.start(id, { name, deployment: hex(this.deployer.deployment), tee: "native", image, entryTimeLimitMs: 1000, interface: build.interface });
        const end: End = {
            name, channel: agent.channel(id), measurement, backend: "none", policyHash: new Uint8Array(32),
            appraise: () => Promise.resolve({ assurance: "none" }),
        };
        return { id, end, agent, info, interface: build.interface };
    }

    private async connect(name: string, output: string, to: Loaded, input: string, connection: number): Promise<Link> {
        const link: Link = {
            connection, name, kind: "event", delivery: "strict", suite: "chacha20-poly1305", window: 64,
            from: { end: this.source.end, endpoint: endpoint(this.source, "output", output) },
            to: { end: to.end, endpoint: endpoint(to, "input", input) },
        };
        await this.driver.connect(link);
        await this.source.agent.setRoute(this.source.id, connection, { address: addressOf(to.info), instance: to.id });
        return link;
    }
}

function endpoint({ interface: declarations }: Loaded, kind: string, name: string): number {
    const found = declarations.findIndex((one) => one.kind === kind && one.name === name);
    if (found < 0) throw new Error(`no ${kind} ${name}`);
    return found;
}

function addressOf({ eventAddress: { host, port } }: AgentInfo): string {
    return `${host}:${String(port)}`;
}

export async function withKit<T>(kit: string | undefined, work: () => Promise<T>): Promise<T> {
    const before = process.env["AUTHENTIC_KIT"];
    if (kit !== undefined) process.env["AUTHENTIC_KIT"] = kit;
    try {
        return await work();
    } finally {
        if (before === undefined) delete process.env["AUTHENTIC_KIT"];
        else process.env["AUTHENTIC_KIT"] = before;
    }
}
