// A descriptor of reactive-tools as a descriptor of an Application, with everything that has no equivalent.

import type { Descriptor } from "../application/schema";
import type { DocumentPath } from "../application/document";
import { declarationNames, type Names, resourceNames } from "./names";
import { LEFT, type Reactive, type ReactiveConnection, type ReactiveModule, type ReactiveNode, TAKEN } from "./reactive";

/** Something that was not carried over as it was. */
export interface Leftover {
    readonly path: DocumentPath;
    readonly why: string;
    readonly instead: string;
}

/** A module with what its connections and events say that it declares. */
export interface ImportedModule {
    readonly name: string;
    readonly language: "c" | "rust";
    /** Where its functions were written. */
    readonly original: string;
    readonly declarations: Map<string, "input" | "output" | "request" | "handler" | "entry">;
}

/** The outcome. */
export interface Imported {
    readonly descriptor: Descriptor;
    readonly modules: readonly ImportedModule[];
    readonly leftovers: readonly Leftover[];
    /** Secrets that the stack `prod` needs, and where they stand now. Never a value. */
    readonly secrets: readonly { readonly key: string; readonly from: string; readonly file?: string }[];
    /** Plain values that the stack `prod` needs. */
    readonly values: readonly { readonly key: string; readonly what: string }[];
    readonly kinds: ReadonlySet<string>;
    /** Bits of the weakest board's keys; undefined where there is no board. */
    readonly security: 64 | 128 | undefined;
}

/** Which suite stands for an encryption. */
const SUITES: Readonly<Record<string, "aes-128-gcm" | "spongewrap">> = { aes: "aes-128-gcm", spongent: "spongewrap" };

/** The shortest and longest periods of triggers, milliseconds. */
const PERIODS = [10, 86_400_000] as const;

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Environment = NonNullable<NonNullable<Descriptor["environments"]>[string]>;

/** Carries everything over that has an equivalent. The descriptor has the right form and its names are known to lead somewhere. */
export function convert(reactive: Reactive): Imported {
    return new Conversion(reactive).imported;
}

class Conversion {
    readonly imported: Imported;
    private readonly leftovers: Leftover[] = [];
    private readonly secrets: { key: string; from: string; file?: string }[] = [];
    private readonly values: { key: string; what: string }[] = [];
    private readonly names = { nodes: resourceNames(), modules: resourceNames(), connections: resourceNames(), triggers: resourceNames() };
    private readonly declared = new Map<string, { module: ImportedModule; names: Names; type: string; security: 64 | 128 }>();
    private readonly nodes: Descriptor["nodes"] = {};
    private readonly modules: Descriptor["modules"] = {};
    private readonly connections: NonNullable<Descriptor["connections"]> = {};
    private readonly triggers: NonNullable<Descriptor["triggers"]> = {};
    private readonly prod: Writable<Environment> & { nodes: NonNullable<Environment["nodes"]> } = { nodes: {} };

    constructor(private readonly reactive: Reactive) {
        this.leaveFields("top", [], reactive);
        reactive.nodes.forEach((node, index) => this.node(node, ["nodes", index]));
        this.vendorKey(reactive.modules);
        reactive.modules.forEach((module, index) => this.module(module, ["modules", index]));
        (reactive.connections ?? []).forEach((connection, index) => this.connection(connection, index));
        (reactive["periodic-events"] ?? []).forEach((event, index) => this.trigger(event, index));
        const boards = [...this.declared.values()].filter(({ type }) => type === "sancus");
        this.imported = {
            descriptor: {
                nodes: this.nodes, modules: this.modules, connections: this.connections, triggers: this.triggers,
                environments: { dev: { deployment: { protect: false } }, prod: this.prod },
            },
            modules: [...this.declared.values()].map(({ module }) => module), leftovers: this.leftovers, secrets: this.secrets, values: this.values,
            kinds: new Set(reactive.nodes.map((node) => node.type)),
            security: boards.length === 0 ? undefined : boards.some(({ security }) => security === 64) ? 64 : 128,
        };
    }

    private leave(path: DocumentPath, why: string, instead: string): void {
        this.leftovers.push({ path, why, instead });
    }

    /** Lists the fields of one entry that have no equivalent. */
    private leaveFields(section: keyof typeof LEFT, path: DocumentPath, entry: Readonly<Record<string, unknown>>, kind = ""): void {
        for (const [field, value] of Object.entries(entry)) {
            if (value === null || value === undefined || (Array.isArray(value) && value.length === 0) || value === "") continue;
            const left = LEFT[section][`${kind}.${field}`] ?? LEFT[section][field];
            if (left !== undefined) this.leave([...path, field], ...left);
            else if (!TAKEN[section].includes(field)) this.leave([...path, field], "is no field that reactive-tools is known to have", "look for it in docs/application.md, and add what it was for to application.yaml");
        }
    }

    private renamed(path: DocumentPath, written: string, name: string): string {
        if (written !== name) this.leave(path, `"${written}" is not a name here`, `nothing: it became "${name}"`);
        return name;
    }

    private node(node: ReactiveNode, path: DocumentPath): void {
        this.leaveFields("nodes", path, node, node.type);
        const name = this.renamed([...path, "name"], node.name, this.names.nodes.of(node.name));
        if (node.type === "native") {
            this.nodes[name] = { tee: "native" };
            this.leave([...path, "type"], "nothing vouches for a native node, so the stack `prod` refuses it", "use another `tee` there, or accept it with `pulumi config set --path authentic:trust.native true`");
        } else if (node.type === "sancus") {
            const security = securityOf(node);
            const [device, vendorKey] = [`${name}-device`, `${name}-vendorKey`];
            this.nodes[name] = { tee: "sancus", backend: "emulated", vendorId: node.vendor_id ?? 1, ...(security === 64 ? { security } : {}) };
            this.prod.nodes[name] = { backend: "hardware", device: { config: device }, vendorKey: { secret: vendorKey } };
            this.values.push({ key: device, what: `the serial port of the board ${name}, such as /dev/ttyUSB0` });
            this.secrets.push({ key: vendorKey, from: `vendor_key of node ${node.name}` });
        } else {
            this.nodes[name] = { tee: node.type, backend: "emulated" };
            if (node.type === "sgx") this.prod.nodes[name] = { backend: "hardware" };
            else this.trustZoneBoard(name, path);
        }
    }

    /** In production it hangs at a node. */
    private trustZoneBoard(name: string, path: DocumentPath): void {
        const device = `${name}-device`;
        this.prod.nodes[name] = { backend: "hardware", device: { config: device } };
        this.values.push({ key: device, what: `the network interface that the board ${name} is connected to, such as eth1` });
        this.leave([...path, "type"], "a TrustZone board is known by its attestation key, which is not in the descriptor, so the stack `prod` refuses it", "enrol its key in `authentic:trust.psa.devices` of the stack `prod` (docs/trustzone.md)");
    }

    /** One vendor signs all enclaves of a deployment. */
    private vendorKey(modules: readonly ReactiveModule[]): void {
        const given = modules.flatMap(({ type, vendor_key: key }, index) => type === "sgx" && typeof key === "string" ? [{ key, index }] : []);
        const first = given[0]?.key;
        if (first === undefined) return;
        this.prod.deployment = { vendorKey: { secret: "vendorKey" } };
        this.secrets.push({ key: "vendorKey", from: "vendor_key of the SGX modules", file: first });
        for (const { key, index } of given) {
            if (key !== first) this.leave(["modules", index, "vendor_key"], "is the key of a second vendor", "sign all enclaves with one key, or divide the descriptor into two applications");
        }
    }

    private module(module: ReactiveModule, path: DocumentPath): void {
        this.leaveFields("modules", path, module, module.type);
        const name = this.renamed([...path, "name"], module.name, this.names.modules.of(module.name));
        const language = module.type === "sgx" || module.type === "native" ? "rust" : "c";
        const original = module.files?.join(", ") ?? module.folder ?? module.files_dir ?? module.name;
        const node = this.reactive.nodes.find((one) => one.name === module.node);
        this.declared.set(module.name, {
            module: { name, language, original, declarations: new Map() }, names: declarationNames(), type: module.type, security: node === undefined ? 128 : securityOf(node),
        });
        const defines = this.defines(module.cflags ?? [], [...path, "cflags"], language);
        this.modules[name] = { node: this.names.nodes.of(module.node), source: `modules/${name}.${language === "c" ? "c" : "rs"}`, ...(Object.keys(defines).length === 0 ? {} : { defines }) };
        if (module.type === "sancus" && module.deployed === true && (module.files ?? []).length === 0) {
            this.leave([...path, "deployed"], "is a driver that comes with the board's software", "declare an AUTHENTIC_DEVICE in the module that uses it, and name its port in `devices` of that module (docs/sancus-nodes.md)");
        }
    }

    private defines(flags: readonly string[], path: DocumentPath, language: string): Record<string, string> {
        const found: Record<string, string> = {};
        flags.forEach((flag, index) => {
            const [, name, value = "1"] = /^-D([A-Za-z_][A-Za-z0-9_]{0,46})(?:=(.*))?$/.exec(flag) ?? [];
            if (name !== undefined && language === "c") found[name] = value;
            else this.leave([...path, index], "is an option for another compiler", "name folders in `includes` and definitions in `defines` of the module; the rest is the builder's");
        });
        return found;
    }

    /** The name of an endpoint, which the module then declares. */
    private declare(path: DocumentPath, module: string, kind: "input" | "output" | "request" | "handler" | "entry", written: string | number): string {
        const owner = this.declared.get(module);
        if (owner === undefined) throw new TypeError(`module ${module} is not there`);
        const text = String(written);
        // One name may stand for an input and for an output there.
        let name = owner.names.of(text);
        const other = owner.module.declarations.get(name);
        if (other !== undefined && other !== kind) name = owner.names.of(`${text}_${kind}`);
        owner.module.declarations.set(name, kind);
        if (typeof written === "number") this.leave(path, "is a number in place of a name", `nothing: it became "${name}"`);
        else this.renamed(path, text, name);
        return name;
    }

    private connection(connection: ReactiveConnection, index: number): void {
        const path = ["connections", index];
        this.leaveFields("connections", path, connection);
        const { to_module: to, from_module: from } = connection;
        const receiver = this.declared.get(to);
        const sender = connection.direct === true || typeof from !== "string" ? undefined : this.declared.get(from);
        const [toKind, target] = typeof connection.to_input === "string" || typeof connection.to_input === "number" ? ["input" as const, connection.to_input] : ["handler" as const, connection.to_handler ?? ""];
        const [fromKind, source] = typeof connection.from_output === "string" || typeof connection.from_output === "number" ? ["output" as const, connection.from_output] : ["request" as const, connection.from_request ?? ""];
        if (receiver === undefined) return;
        const toName = this.declare([...path, `to_${toKind}`], to, toKind, target);
        if (sender === undefined && receiver.type === "sancus") {
            this.leave(path, "a Sancus board takes no events from the deployer", "let a module on a server send them: it has a connection from the deployer, and one to the board");
            return;
        }
        const fromName = sender === undefined ? "" : this.declare([...path, `from_${fromKind}`], from ?? "", fromKind, source);
        const written = connection.name ?? (sender === undefined ? `deployer-${to}-${String(target)}` : `${from ?? ""}-${String(source)}-${to}-${String(target)}`);
        const name = this.names.connections.of(written);
        if (typeof connection.name === "string") this.renamed([...path, "name"], written, name);
        const suite = sender === undefined ? undefined : this.suite(connection, [...path, "encryption"], sender, receiver);
        this.connections[name] = {
            from: sender === undefined ? "deployer" : `${sender.module.name}.${fromKind}.${fromName}`, to: `${receiver.module.name}.${toKind}.${toName}`, ...(suite === undefined ? {} : { suite }),
        };
    }

    private suite({ encryption }: ReactiveConnection, path: DocumentPath, ...ends: readonly { readonly type: string; readonly security: 64 | 128 }[]) {
        const family = SUITES[encryption ?? ""];
        const boards = ends.filter(({ type }) => type === "sancus");
        if (family === undefined || (family === "aes-128-gcm" && boards.length > 0)) {
            this.leave(path, family === undefined ? "is no encryption that is known here" : "a Sancus board has SpongeWrap only", "nothing: the best suite that both ends have is used");
            return undefined;
        }
        return family === "aes-128-gcm" ? family : boards.some(({ security }) => security === 64) ? "spongewrap-64" as const : "spongewrap-128" as const;
    }

    private trigger(event: NonNullable<Reactive["periodic-events"]>[number], index: number): void {
        const path = ["periodic-events", index];
        this.leaveFields("periodic-events", path, event);
        const module = this.declared.get(event.module);
        if (module === undefined) return;
        const every = Math.min(Math.max(Math.round(event.frequency), PERIODS[0]), PERIODS[1]);
        if (every !== event.frequency) this.leave([...path, "frequency"], "is no period that a trigger can have (10ms to 1d, whole milliseconds)", `nothing: it became ${every} ms`);
        const name = this.names.triggers.of(event.name ?? `event${index}`);
        if (typeof event.name === "string") this.renamed([...path, "name"], event.name, name);
        this.triggers[name] = { module: module.module.name, entry: this.declare([...path, "entry"], event.module, "entry", event.entry), every };
    }
}

/** Keys of 64 bits have 16 hexadecimal digits. */
function securityOf({ vendor_key: key }: ReactiveNode): 64 | 128 {
    return typeof key === "string" && key.length === 16 ? 64 : 128;
}
