// A person between the deployer and an agent: takes the place of the agent's control socket, passes everything on, keeps
// the protocol messages for later, and may give answers of its own.
import * as fs from "node:fs";
import * as http from "node:http";
import { call } from "./agent";

export interface Recorded {
    instance: string;
    type: string;
    body: string;
}

/** What the agent answers to a message. */
export interface Answer {
    readonly type: string;
    readonly body?: string;
    readonly evidence?: { readonly type: number; readonly body: string };
}

/** Gives an answer in the agent's place, which `genuine` gets; undefined passes the message on. */
export type Instead = (message: Recorded, genuine: () => Promise<Answer>) => Promise<Answer | undefined>;

export class Eavesdropper {
    readonly messages: Recorded[] = [];
    instead: Instead = () => Promise.resolve(undefined);

    private constructor(private readonly socketPath: string, private readonly server: http.Server) {}

    /** Where the real socket is while the eavesdropper stands in its place. */
    static hidden(socketPath: string): string {
        return `${socketPath}.real`;
    }

    static async start(socketPath: string): Promise<Eavesdropper> {
        const hidden = Eavesdropper.hidden(socketPath);
        fs.renameSync(socketPath, hidden);
        const server = http.createServer();
        const eavesdropper = new Eavesdropper(socketPath, server);
        server.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => { eavesdropper.pass(request, response); });
        await new Promise<void>((resolve) => server.listen(socketPath, resolve));
        return eavesdropper;
    }

    /** Waits for a message of this type whose session it heard from its M1 on. */
    async heard(type: string, seconds: number): Promise<{ readonly opening: Recorded; readonly message: Recorded }> {
        const deadline = Date.now() + seconds * 1000;
        for (;;) {
            for (const [index, message] of this.messages.entries()) {
                const opening = message.type === type ? this.messages.slice(0, index).findLast((earlier) => earlier.type === "m1" && earlier.instance === message.instance) : undefined;
                if (opening !== undefined) return { opening, message };
            }
            if (Date.now() > deadline) throw new Error(`no ${type} passed with its M1 within ${String(seconds)} s`);
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }

    /** Gives the agent its socket back. */
    async stop(): Promise<void> {
        // Closing removes the socket's file, whichever that is by then: the real one comes back afterwards.
        await new Promise<void>((resolve) => {
            this.server.close(() => { resolve(); });
            this.server.closeAllConnections();
        });
        fs.renameSync(Eavesdropper.hidden(this.socketPath), this.socketPath);
    }

    private pass(request: http.IncomingMessage, response: http.ServerResponse): void {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
            const body = Buffer.concat(chunks);
            const instance = /^\/v1\/instances\/([0-9a-f]{32})\/messages$/.exec(request.url ?? "")?.[1];
            if (instance === undefined) {
                this.forward(request, body, response);
                return;
            }
            const message = { instance, ...(JSON.parse(body.toString("utf8")) as { type: string; body: string }) };
            this.messages.push(message);
            this.instead(message, () => call(Eavesdropper.hidden(this.socketPath), "POST", request.url ?? "", { type: message.type, body: message.body }) as Promise<Answer>).then((answer) => {
                if (answer === undefined) this.forward(request, body, response);
                else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
            }, () => response.destroy());
        });
    }

    private forward(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): void {
        const onward = http.request({ socketPath: Eavesdropper.hidden(this.socketPath), method: request.method, path: request.url, headers: request.headers }, (answer) => {
            response.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(response);
        });
        onward.on("error", () => response.destroy());
        onward.end(body);
    }
}
