// What the attacker does as the owner of an agent: read what it knows and lead its frames elsewhere.
// Written on its own, from docs/agent-api.md, so that nothing of the provider can help or hinder it.
import * as http from "node:http";

/** A connection as the agent's API shows it. */
export interface ConnectionFacts {
    connection: number;
    endpoint: number;
    direction: string | number;
    epoch: number;
    next: number;
    delivered: number;
    acknowledged: number;
    refused: Record<string, number>;
    route?: { address: string; instance: string };
}

/** One call of the agent's API over its Unix socket. Rejects on any status that is not 2xx. */
export function call(socketPath: string, method: string, path: string, body?: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
        const text = body === undefined ? undefined : JSON.stringify(body);
        const headers = text === undefined ? {} : { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) };
        const request = http.request({ socketPath, method, path, headers, timeout: 30_000 }, (response) => {
            const chunks: Buffer[] = [];
            response.on("data", (chunk: Buffer) => chunks.push(chunk));
            response.on("end", () => {
                const answer = Buffer.concat(chunks).toString("utf8");
                if ((response.statusCode ?? 500) >= 300) reject(new Error(`${method} ${path}: ${String(response.statusCode)} ${answer}`));
                else resolve(answer.startsWith("{") ? JSON.parse(answer) : answer);
            });
        });
        request.on("timeout", () => request.destroy(new Error(`${method} ${path}: no answer in 30 s`)));
        request.on("error", reject);
        request.end(text);
    });
}

/** The connections of an instance, by number. */
export async function connections(socketPath: string, instance: string): Promise<Map<number, ConnectionFacts>> {
    const facts = (await call(socketPath, "GET", `/v1/instances/${instance}`)) as { connections: ConnectionFacts[] };
    return new Map(facts.connections.map((one) => [one.connection, one]));
}

/** Sum of all refusals a receiver's host has counted, for its connections and for frames that belong to none. */
export async function refusals(socketPath: string, instance: string): Promise<Record<string, number>> {
    const facts = (await call(socketPath, "GET", `/v1/instances/${instance}`)) as { connections: ConnectionFacts[]; stray: Record<string, number> };
    const total: Record<string, number> = { ...facts.stray };
    for (const { refused } of facts.connections) {
        for (const [reason, count] of Object.entries(refused)) total[reason] = (total[reason] ?? 0) + count;
    }
    return total;
}
