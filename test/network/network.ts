// A network for tests: hosts in network namespaces of their own, a router between them with a real firewall, and wires whose
// packets are delayed, lost and reordered as a test says (wire.py). This process is the host `deployer` of it.
//
//     const network = await Network.start(["field", "hall"]);
//     const host = await new SshHost(network.place("field")).start();
//     await network.impair("field", "hall", { delayMs: 20, loss: 0.02, reorder: 0.1 });
//     await network.partition("field", "hall");
//     await network.heal();
//     assert.ok((await network.counts("field", "hall")).lost > 0);
//     await network.close();
//
// Only in a test of {@link describeInNamespace}, whose process has a network namespace of its own. Nothing of it outlives the
// process: namespaces have no names, and are gone with the programs that run in them.
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import * as path from "node:path";
import * as readline from "node:readline";
import type { Readable, Writable } from "node:stream";
import { packageRoot } from "../../tools/setup/toolchain";
import { assertOwnNamespace } from "./namespace";

/** The host that this process is. */
export const DEPLOYER = "deployer";

/** What happens to packets between two hosts, either way. */
export interface Impairment {
    /** Time on the way, and at most so much more, drawn for each packet; 0 by default. */
    readonly delayMs?: number;
    readonly jitterMs?: number;
    /** Part of the packets that vanish, from 0 to 1. */
    readonly loss?: number;
    /** Part of the packets that are held until later ones have overtaken them, from 0 to 1. */
    readonly reorder?: number;
}

/** What happened to packets. */
export interface Counts {
    /** Arrived at the router. */
    readonly forwarded: number;
    /** Of these, held for a while. */
    readonly delayed: number;
    /** Vanished by an impairment. */
    readonly lost: number;
    /** Arrived after a later one. */
    readonly reordered: number;
    /** Vanished in a partition. */
    readonly cut: number;
}

/** What the firewall lets through: new TCP connections of one host to ports of another. */
export interface Pass {
    readonly from: string;
    readonly to: string;
    readonly ports: readonly number[];
}

/** What became of an attempt to connect: accepted, refused by the host, or without an answer. */
export type Attempt = "open" | "refused" | "silent";

/** Connects to ports of an address, all at once; prints one line of JSON. */
const CONNECT = `
import concurrent.futures, json, socket, sys
address, *ports = sys.argv[1:]
def attempt(port):
    try:
        socket.create_connection((address, int(port)), 2.5).close()
        return "open"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "silent"
with concurrent.futures.ThreadPoolExecutor(len(ports)) as pool:
    print(json.dumps(dict(zip(ports, pool.map(attempt, ports)))))
`;

interface About {
    readonly hosts: Readonly<Record<string, { readonly address: string; readonly namespace: string }>>;
    readonly router: string;
}
type WayCounts = Counts & { readonly from: string; readonly to: string };

export class Network {
    private orders = 0;
    private readonly waiting = new Map<number, (answer: unknown) => void>();

    private constructor(private readonly wire: ChildProcessByStdio<Writable, Readable, null>, private readonly about: About, lines: readline.Interface, readonly seed: number) {
        lines.on("line", (line) => {
            const answer = JSON.parse(line) as { id: number };
            this.waiting.get(answer.id)?.(answer);
            this.waiting.delete(answer.id);
        });
    }

    /**
     * Starts one. Every host reaches every other.
     *
     * @param hosts - names of hosts beside `deployer`
     * @param seed - of what is drawn for packets; `AUTHENTIC_SEED` by default, or another each time
     */
    static async start(hosts: readonly string[], seed = Number(process.env["AUTHENTIC_SEED"] ?? randomInt(1 << 30))): Promise<Network> {
        assertOwnNamespace();
        const wire = spawn("python3", [path.join(packageRoot(), "test", "network", "wire.py"), String(seed), DEPLOYER, ...hosts], { stdio: ["pipe", "pipe", "inherit"] });
        const lines = readline.createInterface(wire.stdout);
        const about = await Promise.race([once(lines, "line"), once(wire, "close")]);
        if (typeof about[0] !== "string") throw new Error(`wire.py ended with exit code ${String(about[0])}`);
        return new Network(wire, JSON.parse(about[0]) as About, lines, seed);
    }

    /** Where a host is: for `new SshHost(…)`. `within` starts a program there. */
    place(host: string): { readonly address: string; readonly within: readonly string[] } {
        const { address, namespace } = this.of(host);
        return { address, within: ["nsenter", `--net=${namespace}`] };
    }

    /** Runs a program at a host, which must succeed; its standard output. */
    run(host: string, ...command: readonly string[]): string {
        const [program, ...words] = [...this.place(host).within, ...command];
        return execFileSync(program!, words, { encoding: "utf8" });
    }

    /** Connects from one host to TCP ports of another. */
    attempts(from: string, to: string, ports: readonly number[]): Record<number, Attempt> {
        return JSON.parse(this.run(from, "python3", "-c", CONNECT, this.place(to).address, ...ports.map(String))) as Record<number, Attempt>;
    }

    /** What a host listens on: TCP and UDP ports at addresses that other hosts reach, by the system's own account. */
    listens(host: string): { readonly protocol: string; readonly port: number }[] {
        return this.run(host, "ss", "-Hltun").split("\n").filter((line) => line !== "").map((line) => line.split(/\s+/))
            .filter(([, , , , address]) => !/^(127\.|\[::1\])/.test(address!)).map(([protocol, , , , address]) => ({ protocol: protocol!, port: Number(/\d+$/.exec(address!)![0]) }));
    }

    /** Impairs the way between two hosts in both directions; with `{}` no longer. */
    async impair(a: string, b: string, { delayMs = 0, jitterMs = 0, loss = 0, reorder = 0 }: Impairment): Promise<void> {
        for (const [from, to] of [[a, b], [b, a]]) await this.order({ do: "impair", from, to, delayMs, jitterMs, loss, reorder });
    }

    /**
     * Lets nothing through between two hosts, without telling them; what is on the way is lost as well.
     *
     * @param options - `oneWay`: what goes from `a` to `b` alone
     */
    partition(a: string, b: string, options: { readonly oneWay?: boolean } = {}): Promise<void> {
        return this.cut(a, b, true, options.oneWay);
    }

    /** Ends the partition of two hosts, or every one; impairments stay. */
    async heal(a?: string, b?: string): Promise<void> {
        const all = Object.keys(this.about.hosts);
        const pairs = a === undefined || b === undefined ? all.flatMap((one, index) => all.slice(index + 1).map((other) => [one, other] as const)) : [[a, b] as const];
        for (const [one, other] of pairs) await this.cut(one, other, false);
    }

    /** What happened to packets since the start: between two hosts in both directions, or altogether. */
    async counts(a?: string, b?: string): Promise<Counts> {
        const { ways } = await this.order({ do: "counts" }) as { ways: WayCounts[] };
        const of = a === undefined || b === undefined ? ways : ways.filter(({ from, to }) => (from === a && to === b) || (from === b && to === a));
        const sum = (name: keyof Counts) => of.reduce((total, way) => total + way[name], 0);
        return { forwarded: sum("forwarded"), delayed: sum("delayed"), lost: sum("lost"), reordered: sum("reordered"), cut: sum("cut") };
    }

    /** Loads the router's firewall, in the place of the former rules: what belongs to no connection that it lets through is dropped. */
    firewall(passes: readonly Pass[]): void {
        const rules = passes.map(({ from, to, ports }) => `ip saddr ${this.of(from).address} ip daddr ${this.of(to).address} tcp dport { ${ports.join(", ")} } tcp flags & (fin | syn | rst | ack) == syn accept`);
        this.nft(["add table ip firewall", "delete table ip firewall", "table ip firewall {", "counter dropped { }",
            "chain forward {", "type filter hook forward priority filter; policy drop;", "ct state established,related accept", ...rules, 'counter name "dropped" drop', "}", "}"].join("\n"));
    }

    /** Packets that the firewall has dropped since it was loaded. */
    dropped(): number {
        const listed = JSON.parse(this.nft("list counter ip firewall dropped", "--json")) as { nftables: { counter?: { packets: number } }[] };
        return listed.nftables.find(({ counter }) => counter !== undefined)!.counter!.packets;
    }

    /** Ends it. */
    async close(): Promise<void> {
        if (this.wire.exitCode !== null || this.wire.signalCode !== null) return;
        const ended = once(this.wire, "close");
        this.wire.stdin.end();
        await ended;
    }

    private nft(script: string, ...options: string[]): string {
        return execFileSync("nsenter", [`--net=${this.about.router}`, "nft", ...options, script], { encoding: "utf8" });
    }

    private of(host: string): About["hosts"][string] {
        const about = this.about.hosts[host];
        if (about === undefined) throw new RangeError(`the network has no host ${host}`);
        return about;
    }

    private async cut(a: string, b: string, cut: boolean, oneWay = false): Promise<void> {
        await this.order({ do: "cut", from: a, to: b, cut });
        if (!oneWay) await this.order({ do: "cut", from: b, to: a, cut });
    }

    private order(order: Readonly<Record<string, unknown>>): Promise<unknown> {
        const id = ++this.orders;
        return new Promise((resolve, reject) => {
            const ended = () => reject(new Error("wire.py has ended"));
            this.wire.once("close", ended);
            this.waiting.set(id, (answer) => {
                this.wire.off("close", ended);
                resolve(answer);
            });
            this.wire.stdin.write(`${JSON.stringify({ id, ...order })}\n`);
        });
    }
}
