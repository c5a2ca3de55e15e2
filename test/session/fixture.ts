// Two reference modules, channels to them that can fail at any message, and a host that keeps and re-sends frames.
import { randomBytes } from "node:crypto";
import { AuthenticError } from "../../provider/errors";
import { hex } from "../../provider/protocol/bytes";
import { decodeFrame } from "../../provider/protocol/frame";
import { keyId } from "../../provider/protocol/keys";
import { instanceId } from "../../provider/protocol/names";
import { publicKeyOf } from "../../provider/protocol/signature";
import type { SetRecord } from "../../provider/protocol/records";
import { createDriver } from "../../provider/session/driver";
import { generateDeployer, loadDeployer } from "../../provider/session/deployer";
import type { Appraise, Channel, Deployer, End, Link, MessageType, Reply, SessionDriver } from "../../provider/session/session";
import { emit, receive, reseal } from "../protocol/reference-module/frames";
import { ReferenceModule, type Endpoint } from "../protocol/reference-module/module";
import { Table } from "../protocol/reference-module/table";

export const OUTPUT = 0;
export const INPUT = 1;
export const REQUEST = 2;
export const HANDLER = 3;
export const DEVICE = 4;
export const ENTRY = 5;

const ENDPOINTS: readonly Endpoint[] = [
    { kind: "output" },
    { kind: "input" },
    { kind: "request" },
    { kind: "handler", run: (data) => (data.length === 0 ? undefined : data.slice().reverse()) },
    { kind: "device" },
    { kind: "entry", run: (data) => data.slice().reverse() },
];

/** Every key that modules were given, by connection and epoch. */
export type KeyLog = Map<string, Set<string>>;

/** Whether a message gets lost on its way to the module, or its reply on the way back. */
export interface Fault {
    /** Counts all messages of the fixture, from 0. */
    readonly at: number;
    readonly lose: "message" | "reply";
}

export class Fixture {
    readonly deployer: Deployer = loadDeployer(generateDeployer());
    readonly driver: SessionDriver = createDriver(this.deployer);
    readonly modules: Record<string, ReferenceModule> = {};
    readonly keys: KeyLog = new Map();
    /** Messages so far. */
    messages: { to: string; type: MessageType }[] = [];
    fault: Fault | undefined;
    /** Alters replies on the way. */
    tamper: ((to: string, type: MessageType, reply: Reply) => Reply) | undefined;
    appraise: Appraise = async () => ({ assurance: "none" });
    readonly measurement = new Uint8Array(randomBytes(32));

    constructor(...names: readonly string[]) {
        for (const name of names) this.start(name);
    }

    /** Starts a module, again with an empty table. */
    start(name: string): ReferenceModule {
        const module = new ReferenceModule({
            deployment: this.deployer.deployment,
            instance: instanceId(this.deployer.deployment, name),
            deployerKey: publicKeyOf(this.deployer.secretKey),
            measurement: this.measurement,
            endpoints: ENDPOINTS,
        });
        const set = Table.prototype.set.bind(module.table);
        module.table.set = (record: SetRecord) => {
            if (record.suite !== 0) {
                const epoch = `${record.connection}/${record.epoch}`;
                this.keys.set(epoch, (this.keys.get(epoch) ?? new Set()).add(hex(keyId(record.suite, record.key))));
            }
            set(record);
        };
        this.modules[name] = module;
        return module;
    }

    channel(name: string): Channel {
        return {
            send: async (type, body) => {
                const unreachable = new AuthenticError("AE-AGENT-UNREACHABLE", "the agent does not answer", "start it");
                const at = this.messages.length;
                this.messages.push({ to: name, type });
                if (this.fault?.at === at && this.fault.lose === "message") throw unreachable;
                const module = this.modules[name];
                if (module === undefined) throw unreachable;
                const reply = module.handle(type, body);
                if (this.fault?.at === at) throw unreachable;
                return this.tamper?.(name, type, reply) ?? reply;
            },
        };
    }

    end(name: string): End {
        return { name, channel: this.channel(name), measurement: this.measurement, backend: "native", policyHash: new Uint8Array(32), appraise: (evidence) => this.appraise(evidence) };
    }

    link(change: Partial<Link> = {}): Link {
        const request = change.kind === "request";
        return {
            connection: 7,
            name: "moisture",
            kind: "event",
            delivery: "strict",
            suite: "chacha20-poly1305",
            window: request ? 1 : 8,
            from: { end: this.end("sender"), endpoint: request ? REQUEST : OUTPUT },
            to: { end: this.end("receiver"), endpoint: request ? HANDLER : INPUT },
            ...change,
        };
    }
}

/** The untrusted host of a sender: keeps frames until they are acknowledged, has them re-sealed after a rotation. */
export class Host {
    kept: Uint8Array[] = [];

    constructor(
        private readonly fixture: Fixture,
        private readonly connection = 7,
    ) {}

    /** Has the sender emit an event; does not deliver it. */
    emit(data: string): boolean {
        const frames = emit(this.fixture.modules.sender!, OUTPUT, Buffer.from(data));
        if (frames === undefined) return false;
        this.kept.push(...frames);
        return true;
    }

    /** Gives the sender back what it has not sealed under its current epoch, then delivers everything and the acks. */
    deliver(): void {
        const sender = this.fixture.modules.sender!;
        const epoch = sender.table.connections.get(this.connection)?.current?.epoch;
        this.kept = this.kept.map((frame) => (decodeFrame(frame).epoch === epoch ? frame : (reseal(sender, frame) ?? frame)));
        for (const frame of this.kept) {
            for (const answer of receive(this.fixture.modules.receiver!, frame).frames) receive(sender, answer);
        }
        const acknowledged = sender.table.connections.get(this.connection)?.acknowledged ?? 0n;
        this.kept = this.kept.filter((frame) => decodeFrame(frame).counter > acknowledged);
    }
}

/** What a module has processed, as text. */
export const processed = (module: ReferenceModule | undefined): string[] => (module?.processed ?? []).map(({ data }) => Buffer.from(data).toString());
