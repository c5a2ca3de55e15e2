// What a program has declared in one deployment: finds what is wrong between resources before anything is deployed.

import { type Problem, problem } from "../provider/lifecycle/problems";
import type { Room } from "../provider/tee/tee";
import { ProblemBoard } from "./problem-board";

/** What the module kit has room for (runtime/kit/include/authentic_limits.h). */
const SERVERS = { connections: 128, clients: 8 };

/** A connection as the registry compares it; `module` is undefined where the end is the deployer. */
export interface ConnectionEnds {
    readonly from: { readonly module?: string; readonly name: string; readonly kind: string };
    readonly to: { readonly module: string; readonly name: string; readonly kind: string };
}

/** Connections of the modules at both ends of one, and requests to the handler at its end. */
export interface Load {
    readonly from: number;
    readonly to: number;
    readonly clients: number;
}

/** Problems of a connection whose ends have no room for it. */
export function loadProblems({ from, to }: ConnectionEnds, load: Load, room: { readonly from?: Room | undefined; readonly to?: Room | undefined }): Problem[] {
    const crowded = ([["from", from.module], ["to", to.module]] as const).flatMap(([property, module]) => {
        const { connections } = room[property] ?? SERVERS;
        return load[property] <= connections ? []
            : [problem(property, `module "${module ?? ""}" would have more than ${connections} connections, which is what a module has room for; divide it into several modules`)];
    });
    const { clients } = room.to ?? SERVERS;
    return load.clients <= clients ? crowded : [...crowded, problem("to", `handler ${to.name} of "${to.module}" would serve more than ${clients} requests, `
        + "each of which keeps its last reply in the module; connect some of them to another handler")];
}

/** Declarations of one deployment, in the order in which the program made them. The later of two that clash is wrong. */
export class Registry {
    /** Problems of all resources, so that one preview shows them all. */
    readonly problems = new ProblemBoard();
    private readonly nodes = new Set<string>();
    private readonly modules = new Set<string>();
    private readonly positions = new Map<string, number>();
    private readonly ports: { readonly node: string; readonly address: string; readonly port: number }[] = [];
    private readonly pins = new Map<string, string>();
    private readonly connections: { readonly name: string; readonly ends: ConnectionEnds; readonly number: number }[] = [];

    /** @returns problems of the name of a new node */
    addNode(name: string): Problem[] {
        return addName(this.nodes, name, "node");
    }

    /** @returns problems of the name of a new module: it is the module's identity, whatever its parent is */
    addModule(name: string): Problem[] {
        return addName(this.modules, name, "module");
    }

    /** @returns the position of one more module among those of its node, from 1 */
    addTo(node: string): number {
        const position = (this.positions.get(node) ?? 0) + 1;
        this.positions.set(node, position);
        return position;
    }

    /** @returns problems of an explicit event port */
    claimPort(node: string, address: string, port: number): Problem[] {
        const holder = this.ports.find((other) => other.port === port && overlap(other.address, address));
        this.ports.push({ node, address, port });
        return holder === undefined
            ? []
            : [problem("port", `port ${port} of this machine belongs to node "${holder.node}"; choose another port, or omit it to let the agent pick one`)];
    }

    /** @returns problems of a module that drives a pin of its node */
    claimPin(module: string, node: string, device: string, pin: string): Problem[] {
        const key = `${node} ${pin}`;
        const holder = this.pins.get(key);
        if (holder === undefined) {
            this.pins.set(key, module);
        }
        return holder === undefined
            ? []
            : [problem(`devices.${device}`, `pin "${pin}" of node "${node}" is driven by module "${holder}"; a pin has one driver`)];
    }

    /**
     * @param number - of the connection, which no other of the deployment may have
     * @returns problems between a new connection and those before it
     */
    addConnection(name: string, ends: ConnectionEnds, number: number): Problem[] {
        const { from, to } = ends;
        const found: Problem[] = [];
        if (from.module === to.module) {
            found.push(problem("to", `module "${to.module}" cannot be connected to itself; call the function in the module, or connect to another module`));
        }
        for (const other of this.connections) {
            if (same(other.ends.from, from) && same(other.ends.to, to)) {
                found.push(problem("to", `connection "${other.name}" already joins the same ends; remove one of the two`));
            } else if (from.kind === "request" && same(other.ends.from, from)) {
                found.push(problem("from", `request ${from.name} of "${from.module ?? ""}" already goes to ${other.ends.to.name} of "${other.ends.to.module}" `
                    + `by connection "${other.name}"; a request has exactly one handler`));
            } else if (other.number === number) {
                found.push(problem("", `has the same number as connection "${other.name}", by chance: numbers follow from names and ends; give one of the two another name`));
            }
        }
        if (from.kind === "request" && from.module !== undefined && from.module !== to.module) {
            const back = this.requestPath(to.module, from.module);
            if (back !== undefined) {
                const circle = [from.module, ...back].join(" → ");
                found.push(problem("to", `the requests ${circle} go in a circle and could wait for each other for ever; make one of them an event`));
            }
        }
        this.connections.push({ name, ends, number });
        return found;
    }

    /** What the ends of the connection that was added last have by now, with it. */
    load({ from, to }: ConnectionEnds): Load {
        const count = (belongs: (ends: ConnectionEnds) => boolean) => this.connections.filter(({ ends }) => belongs(ends)).length;
        const connections = (module: string | undefined) => module === undefined ? 0 : count((ends) => ends.from.module === module || ends.to.module === module);
        // What the deployer asks is kept in a place of its own.
        const clients = to.kind === "handler" && from.module !== undefined ? count((ends) => ends.from.module !== undefined && same(ends.to, to)) : 0;
        return { from: connections(from.module), to: connections(to.module), clients };
    }

    /** Modules from one to another along requests, both included; undefined where there is no such path. */
    private requestPath(from: string, to: string, visited = new Set<string>()): string[] | undefined {
        if (from === to) {
            return [to];
        }
        visited.add(from);
        for (const { ends } of this.connections) {
            if (ends.from.kind === "request" && ends.from.module === from && !visited.has(ends.to.module)) {
                const rest = this.requestPath(ends.to.module, to, visited);
                if (rest !== undefined) {
                    return [from, ...rest];
                }
            }
        }
        return undefined;
    }
}

function addName(names: Set<string>, name: string, what: string): Problem[] {
    if (names.has(name)) {
        return [problem("", `the deployment has two ${what}s named "${name}"; a ${what}'s name is its identity, so choose another`)];
    }
    names.add(name);
    return [];
}

/** Whether two sockets on one port would be in each other's way. A socket on `::` takes IPv4 as well. */
function overlap(a: string, b: string): boolean {
    const includes = (wide: string, narrow: string) => wide === "::" || (wide === "0.0.0.0" && !narrow.includes(":"));
    return a === b || includes(a, b) || includes(b, a);
}

function same(a: ConnectionEnds["from"], b: ConnectionEnds["from"]): boolean {
    return a.module === b.module && a.name === b.name;
}
