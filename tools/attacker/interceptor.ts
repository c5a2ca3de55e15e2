// A person in the middle of one connection: the sender's agent is told to send its frames here,
// and from here they go on to the receiver, or not, or changed, or again.
import * as net from "node:net";
import { call, connections } from "./agent";
import { Frame, FrameReader, HELLO_BYTES } from "./frames";

/** Decides what becomes of a data frame: the frames to send on in its place. */
export type Tamper = (frame: Frame) => Frame[];

export interface Target {
    /** Control socket of the agent on the sender's node. */
    agent: string;
    /** The sending instance. */
    instance: string;
    connection: number;
}

export class Interceptor {
    /** Every data frame of the connection that passed, first transmissions and repetitions. */
    readonly seen: Frame[] = [];
    tamper: Tamper = (frame) => [frame];
    private upstream: net.Socket | undefined;
    private readonly sockets = new Set<net.Socket>();

    private constructor(private readonly target: Target, private readonly route: { address: string; instance: string }, private readonly server: net.Server) {}

    /** Leads the connection's frames through this process. */
    static async start(target: Target): Promise<Interceptor> {
        const facts = (await connections(target.agent, target.instance)).get(target.connection);
        if (facts?.route === undefined) throw new Error(`connection ${String(target.connection)} has no route at ${target.instance}`);
        const server = net.createServer();
        const interceptor = new Interceptor(target, facts.route, server);
        server.on("connection", (socket) => { interceptor.accept(socket); });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        await interceptor.resume();
        return interceptor;
    }

    /** Leads the frames here again, where the deployer has set the route right. */
    async resume(): Promise<void> {
        const { port } = this.server.address() as net.AddressInfo;
        await this.lead(`127.0.0.1:${String(port)}`);
    }

    /** Sends a frame to the receiver as if the sender had. */
    inject(frame: Frame): void {
        if (this.upstream === undefined) throw new Error("no connection to inject into");
        this.upstream.write(frame.bytes);
    }

    /** Puts the route back and ends all sockets. */
    async stop(): Promise<void> {
        await this.lead(this.route.address);
        for (const socket of this.sockets) socket.destroy();
        await new Promise<void>((resolve) => { this.server.close(() => { resolve(); }); });
    }

    /** Waits until `count` more frames of the connection have passed, or rejects after `seconds`. */
    async passed(count: number, seconds: number): Promise<void> {
        const goal = this.seen.length + count;
        const deadline = Date.now() + seconds * 1000;
        while (this.seen.length < goal) {
            if (Date.now() > deadline) throw new Error(`only ${String(this.seen.length - goal + count)} of ${String(count)} frames passed`);
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }

    private async lead(address: string): Promise<void> {
        await call(this.target.agent, "PUT", `/v1/instances/${this.target.instance}/routes/${String(this.target.connection)}`, { address, instance: this.route.instance });
    }

    private accept(socket: net.Socket): void {
        const colon = this.route.address.lastIndexOf(":");
        const host = this.route.address.slice(0, colon).replace(/^\[|\]$/g, "");
        const onward = net.connect({ host, port: Number(this.route.address.slice(colon + 1)), noDelay: true });
        this.upstream = onward;
        for (const one of [socket, onward]) {
            this.sockets.add(one);
            one.setNoDelay(true);
            one.on("error", () => one.destroy());
            one.on("close", () => { this.sockets.delete(one); socket.destroy(); onward.destroy(); });
        }
        onward.on("data", (chunk: Buffer) => { socket.write(chunk); });
        this.forward(socket, onward);
    }

    private forward(socket: net.Socket, onward: net.Socket): void {
        const reader = new FrameReader();
        let greeting = Buffer.alloc(0);
        socket.on("data", (chunk: Buffer) => {
            let rest = chunk;
            if (greeting.length < HELLO_BYTES) {
                greeting = Buffer.concat([greeting, chunk]);
                if (greeting.length < HELLO_BYTES) return;
                onward.write(greeting.subarray(0, HELLO_BYTES));
                rest = greeting.subarray(HELLO_BYTES);
            }
            for (const frame of reader.push(rest)) {
                if (!frame.isData || frame.connection !== this.target.connection) { onward.write(frame.bytes); continue; }
                this.seen.push(frame);
                for (const sent of this.tamper(frame)) onward.write(sent.bytes);
            }
        });
    }
}
