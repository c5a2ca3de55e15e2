// A world in memory for the lifecycles: TEEs, agents and modules that keep what a real one would be asked about.
import { createHash, randomBytes } from "node:crypto";
import type { StartRequest } from "../../provider/agent/client";
import { AuthenticError } from "../../provider/errors";
import type { ReportedPlatform } from "../../provider/lifecycle/platform";
import { setSurroundings, type Agent, type AgentInfo, type InstanceReport, type Surroundings } from "../../provider/lifecycle/surroundings";
import type { Channel, ConnectionFacts, Deployer, End, Link, SessionDriver, StatusFacts } from "../../provider/session/session";
import { native } from "../../provider/tee/native/native";
import type { Build, Declaration, Tee } from "../../provider/tee/tee";
import { vendorKey } from "./vendor-key";

const sha256 = (...parts: readonly (string | Uint8Array)[]) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();

/** Declarations of the world's "sources": the text of a source is found by its path. */
export type Sources = Record<string, readonly Partial<Declaration>[]>;

/** A module instance. */
export interface FakeInstance {
    request: StartRequest;
    report: { -readonly [K in keyof InstanceReport]: InstanceReport[K] };
    incarnation: string;
    table: Map<number, ConnectionFacts>;
    routes: Map<number, { address: string; instance: string }>;
    triggers: Map<string, { endpoint: number; everyMs: number }>;
    grants: number[];
}

/** An agent and what it holds. */
export interface FakeAgent {
    info: AgentInfo;
    running: boolean;
    /** It runs, but does not answer. */
    silent: boolean;
    instances: Map<string, FakeInstance>;
}

/** Everything the lifecycles reach. `calls` lists what they did, in order. */
export class World {
    readonly agents = new Map<string, FakeAgent>();
    readonly calls: string[] = [];
    /** Names of connections whose next keying breaks off before anything was done. */
    readonly unkeyed = new Set<string>();
    /** Names of modules whose evidence is refused. */
    readonly refused = new Set<string>();
    /** The package's programs, and those that run. */
    programs = "x86_64 0000000000000000";
    runs = this.programs;
    /** What agents say of their emulated platform. */
    platform: ReportedPlatform | undefined;
    private nextPort = 40_000;

    constructor(readonly sources: Sources) {}

    /** Puts the world in the place of the real surroundings. */
    enter(): void {
        setSurroundings(this.surroundings);
    }

    /** The only instance of that name. */
    instance(name: string): FakeInstance {
        const found = [...this.agents.values()].flatMap(({ instances }) => [...instances.values()]).filter(({ request }) => request.name === name);
        if (found.length !== 1) throw new Error(`${found.length} instances of ${name}`);
        return found[0]!;
    }

    /** Makes every agent say what platform it has now. */
    reportPlatform(): void {
        for (const agent of this.agents.values()) agent.info = { ...agent.info, platform: this.platform };
    }

    /** What a crash and an automatic restart outside of Pulumi would do. */
    restart(name: string): void {
        const instance = this.instance(name);
        instance.incarnation = randomBytes(16).toString("hex");
        instance.table.clear();
        instance.grants = [];
    }

    private readonly tee: Tee = {
        name: "native",
        evidenceTypes: [0],
        suites: [1, 2],
        handOver: { message: 131_064, event: 65_536 },
        build: (request) => Promise.resolve(this.build(request.sources, request.defines)),
        finalize: (build, { deployment, instance, deployerKey, values }) => {
            const block = Buffer.concat([deployment, instance, deployerKey, Buffer.from(JSON.stringify(values))]);
            const image = Buffer.concat([build.image, block]);
            return { image, measurement: sha256("measurement", image) };
        },
        appraise: native.appraise.bind(native),
    };

    private build(sources: readonly string[], defines: Readonly<Record<string, string>> = {}): Build {
        const declarations = sources.flatMap((source) => {
            const found = this.sources[source];
            if (found === undefined) {
                throw new AuthenticError("AE-BUILD-SOURCE", `source "${source}" does not exist`, "correct `source`");
            }
            return found;
        }).map((one): Declaration => ({ kind: "input", name: "", maximum: 0, replyMaximum: 0, burst: 0, version: 0, flags: 0, ...one }));
        const image = Buffer.from(JSON.stringify([declarations, defines]));
        return {
            image, configurationOffset: 0, configurationSize: 4096, interface: declarations, kit: sha256("kit"), codeMeasurement: sha256("code", image),
            toolchain: { zig: "0" }, sizes: { text: image.length, data: 0 },
        };
    }

    readonly surroundings: Surroundings = {
        tees: () => Promise.resolve({ native: this.tee, sgx: { ...this.tee, name: "sgx", suites: [2] } }),
        programs: () => Promise.resolve(this.programs),
        runningAgent: () => Promise.resolve({ programs: this.runs }),
        startAgent: ({ node, deployment, listenAddress, port, folder }) => {
            const path = folder ?? `/nodes/${deployment.slice(0, 8)}-${node}-${randomBytes(2).toString("hex")}`;
            const taken = [...this.agents.values()].find(({ info, running }) => running && info.folder !== path && info.eventAddress.port === port);
            if (taken !== undefined) {
                throw new AuthenticError("AE-NODE-PORT", `port ${port} is in use`, "choose another `port`");
            }
            const known = this.agents.get(path);
            const info = { agent: "1.0.0", node, folder: path, eventAddress: { host: listenAddress, port: port ?? this.nextPort++ }, platform: this.platform };
            this.calls.push(`start agent ${node}`);
            this.runs = this.programs;
            this.agents.set(path, { info, running: true, silent: false, instances: known?.instances ?? new Map<string, FakeInstance>() });
            return Promise.resolve(info);
        },
        endAgent: (folder) => {
            this.calls.push("end agent");
            this.agents.delete(folder);
            return Promise.resolve();
        },
        killAgent: (folder) => {
            this.calls.push("kill agent");
            const agent = this.agents.get(folder);
            if (agent !== undefined) agent.running = false;
            return Promise.resolve();
        },
        recordAgent: () => Promise.resolve(),
        agentGone: (folder) => Promise.resolve(this.agents.get(folder)?.running !== true),
        agent: (folder) => Promise.resolve(this.client(folder)),
        generateVendorKey: () => Promise.resolve(vendorKey()),
        driver: (deployer) => Promise.resolve(this.driver(deployer)),
    };

    private reach(folder: string): FakeAgent {
        const agent = this.agents.get(folder);
        if (agent === undefined || !agent.running || agent.silent) {
            throw new AuthenticError("AE-AGENT-UNREACHABLE", `the agent of ${folder} does not answer`, "start it");
        }
        return agent;
    }

    private client(folder: string): Agent {
        const of = (id: string) => {
            const instance = this.reach(folder).instances.get(id);
            if (instance === undefined) throw new AuthenticError("AE-INSTANCE-UNKNOWN", `no instance ${id}`, "run `pulumi refresh`");
            return instance;
        };
        const call = <T>(what: string | undefined, action: () => T): Promise<T> => new Promise((resolve) => {
            if (what !== undefined) this.calls.push(what);
            resolve(action());
        });
        return {
            about: () => call(undefined, () => this.reach(folder).info),
            instance: (id) => call(undefined, () => {
                const instance = this.reach(folder).instances.get(id);
                return instance === undefined ? undefined : {
                    ...instance.report,
                    connections: [...instance.table.keys()].map((connection) => ({ connection, ...optional("route", instance.routes.get(connection)) })),
                    triggers: [...instance.triggers].map(([name, trigger]) => ({ name, ...trigger })),
                };
            }),
            start: (id, request) => call(`start ${request.name}`, () => {
                const incarnation = randomBytes(16).toString("hex");
                const report = { instance: id, name: request.name, deployment: request.deployment, imageDigest: sha256(request.image).toString("hex"), state: "running" as const, version: incarnation, connections: [], triggers: [] };
                this.reach(folder).instances.set(id, { request, incarnation, table: new Map(), routes: new Map(), triggers: new Map(), grants: [], report });
                return report;
            }),
            remove: (id) => call(`remove ${this.agents.get(folder)?.instances.get(id)?.request.name ?? "nothing"}`, () => {
                this.reach(folder).instances.delete(id);
            }),
            promote: (id) => call(`promote ${of(`${id}.successor`).request.name}`, () => {
                const { instances } = this.reach(folder);
                instances.set(id, of(`${id}.successor`));
                instances.delete(`${id}.successor`);
            }),
            handOver: () => call(undefined, () => ({})),
            frames: (id) => call(undefined, () => {
                of(id);
                return new Uint8Array(0);
            }),
            putFrames: (id) => call(undefined, () => void of(id)),
            image: (id) => call(undefined, () => of(id).request.image),
            startBoard: () => call("start board", () => ({})),
            board: () => call(undefined, () => ({})),
            trustzone: () => call(undefined, () => undefined),
            putTrustzone: () => Promise.reject(new Error("this world has no boards with firmware")),
            endTrustzone: () => call("end board", () => undefined),
            setRoute: (id, connection, route) => call("set route", () => void of(id).routes.set(connection, route)),
            removeRoute: (id, connection) => call("remove route", () => void this.reach(folder).instances.get(id)?.routes.delete(connection)),
            setTrigger: (id, name, trigger) => call(`set trigger ${name}`, () => void of(id).triggers.set(name, trigger)),
            removeTrigger: (id, name) => call(`remove trigger ${name}`, () => void this.reach(folder).instances.get(id)?.triggers.delete(name)),
            collateral: () => Promise.resolve({ ok: false, problem: "there is none in this world" }),
            channel: (id) => ({ instance: () => of(id), send: () => Promise.reject(new Error("the driver of this world sends nothing")) }) as unknown as Channel,
        };
    }

    private driver(deployer: Deployer): SessionDriver {
        if (deployer.secretKey.length !== 32) throw new Error("wrong deployer key");
        const status = async (end: End) => {
            const instance = (end.channel as unknown as { instance(): FakeInstance }).instance();
            if (instance.report.state !== "running") throw new AuthenticError("AE-INSTANCE-FAILED", `${end.name} failed`, "run `pulumi up`");
            if (this.refused.has(end.name)) throw new AuthenticError("AE-ATTEST-TCB", `the evidence of ${end.name} is refused`, "update the machine");
            const reportData = randomBytes(64);
            const appraisal = await end.appraise({ instance: end.name, evidenceType: 0, evidence: reportData, reportData, measurement: end.measurement, backend: end.backend });
            const facts: StatusFacts = {
                state: "active", incarnation: instance.incarnation, generation: "1", commandNext: "1", kit: sha256("kit").toString("hex"),
                connections: [...instance.table.values()], grants: instance.grants,
            };
            return { instance, attested: { status: facts, appraisal, evidenceType: 0 } };
        };
        const key = (link: Link, epoch: bigint): Omit<ConnectionFacts, "endpoint" | "direction"> => ({
            connection: link.connection, delivery: link.delivery, suite: link.suite, active: true, pending: false, retired: false, reset: false, window: link.window,
            epoch: epoch.toString(), keyId: randomBytes(8).toString("hex"), pendingEpoch: "0", pendingKeyId: "0000000000000000", next: "1", acknowledged: "0", gaps: "0",
        });
        return {
            attest: async (end) => (await status(end)).attested,
            freeConnection: () => Promise.resolve(randomBytes(4).readUInt32BE() || 1),
            connect: async (link, options = {}) => {
                const from = await status(link.from.end);
                const to = await status(link.to.end);
                for (const [side, { instance }] of [["from", from], ["to", to]] as const) {
                    const held = instance.table.get(link.connection);
                    if (held !== undefined && held.endpoint !== link[side].endpoint) throw new AuthenticError("AE-SESSION-LINK", `the number of ${link.name} is taken`, "give it another name");
                }
                if (this.unkeyed.delete(link.name)) throw new AuthenticError("AE-SESSION-RESTARTS", `the keying of ${link.name} was broken off`, "run \`pulumi up\` again");
                const olds = [from.instance.table.get(link.connection), to.instance.table.get(link.connection)];
                const same = olds[0] !== undefined && olds[0].keyId === olds[1]?.keyId && options.rotate === undefined;
                const facts = same ? olds[0]! : key(link, BigInt(Math.max(...olds.map((old) => Number(old?.epoch ?? "0")))) + 1n);
                const reset = !same && options.previouslyKeyed === true && olds.every((old) => old === undefined) ? ", with a reset" : "";
                this.calls.push(`${same ? "keep" : "key"} ${link.name}${options.rotate === undefined ? "" : ` (${options.rotate})`}${reset}`);
                from.instance.table.set(link.connection, { ...facts, endpoint: link.from.endpoint, direction: "sender" });
                to.instance.table.set(link.connection, { ...facts, endpoint: link.to.endpoint, direction: "receiver" });
                const fact = (of: typeof from) => ({ incarnation: of.instance.incarnation, assurance: "none" as const, facts: {} });
                return { outcome: same ? "unchanged" : "keyed", epoch: facts.epoch, keyId: facts.keyId, assurance: "none", from: fact(from), to: fact(to) };
            },
            disconnect: async (connection, ...ends) => {
                const [from, to] = await Promise.all(ends.map(async (end) => {
                    if ("gone" in end) return { outcome: "unconfirmed" as const, reason: end.gone };
                    (await status(end)).instance.table.delete(connection);
                    return { outcome: "confirmed" as const };
                }));
                this.calls.push("disconnect");
                return { from: from!, to: to! };
            },
            connectDeployer: async (link) => {
                const { instance, attested } = await status(link.to.end);
                this.calls.push(`deployer ${link.name}`);
                instance.table.set(link.connection, {
                    connection: link.connection, endpoint: link.to.endpoint, direction: "deployer", delivery: "strict", suite: "none", active: true, pending: false,
                    retired: false, reset: false, window: 0, epoch: "0", keyId: "0000000000000000", pendingEpoch: "0", pendingKeyId: "0000000000000000",
                    next: "1", acknowledged: "0", gaps: "0",
                });
                return attested;
            },
            disconnectDeployer: async (connection, end) => {
                if ("gone" in end) return { outcome: "unconfirmed", reason: end.gone };
                (await status(end)).instance.table.delete(connection);
                return { outcome: "confirmed" };
            },
            setGrants: async (end, endpoints) => {
                const { instance } = await status(end);
                instance.grants = [...endpoints];
                return (await status(end)).attested;
            },
            handOver: async ({ old, next, carry }) => {
                const [source, target] = [(await status(old)).instance, (await status(next)).instance];
                await carry();
                this.calls.push(`hand over ${old.name}`);
                target.table = source.table;
                target.grants = source.grants;
                source.table = new Map();
            },
            abortHandOver: () => Promise.resolve(),
            completeHandOver: unused,
            intendedTarget: () => undefined,
            send: unused, request: unused, call: unused,
        };
    }
}

const unused = () => Promise.reject(new Error("lifecycles send no commands"));

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
    return value === undefined ? {} : { [key]: value } as Record<K, V>;
}
