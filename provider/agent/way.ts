// The way to an agent's control socket: on this machine, or over SSH.
import { close, open } from "node:fs";
import net from "node:net";
import path from "node:path";
import type { Duplex } from "node:stream";
import { promisify } from "node:util";
import { AuthenticError } from "../errors";
import { connectionTo } from "../ssh/hosts";
import { isUnreachable, parseLocation } from "../ssh/settings";
import { CUTS } from "../ssh/shell";

/** Bytes of a socket's path that the system takes. */
export const MAX_SOCKET_PATH = 107;

/**
 * Opens a stream to the agent of a node.
 *
 * @param place - folder of the node: absolute on this machine, or `ssh://user@host:22/…`
 * @throws AuthenticError `AE-AGENT-UNREACHABLE` where nobody listens there, `AE-SSH-…` where the host cannot be reached
 */
export async function openWay(place: string): Promise<Duplex> {
    const location = parseLocation(place);
    if (location === undefined) return openHere(place);
    for (let cuts = CUTS; ; cuts--) {
        const connection = await connectionTo(location.authority);
        try {
            return await connection.openSocket(`${location.folder}/agent.sock`);
        } catch (error) {
            // Nobody listens, or the server does not forward sockets, which it does not tell apart.
            if (error instanceof AuthenticError && error.code === "AE-SSH-REFUSED") throw unreachable(place, error);
            if (!connection.closed || cuts === 0) throw error;
        }
    }
}

async function openHere(folder: string): Promise<net.Socket> {
    const socket = path.join(folder, "agent.sock");
    if (Buffer.byteLength(socket) <= MAX_SOCKET_PATH) return connect(folder, socket);
    let directory: number;
    try {
        directory = await promisify(open)(folder, "r");
    } catch (cause) {
        throw unreachable(folder, cause);
    }
    try {
        return await connect(folder, `/proc/self/fd/${directory}/agent.sock`);
    } finally {
        await promisify(close)(directory);
    }
}

function connect(folder: string, socketPath: string): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
        const socket = net.connect({ path: socketPath });
        socket.once("error", (cause) => reject(unreachable(folder, cause)));
        socket.once("connect", () => {
            socket.removeAllListeners("error");
            resolve(socket);
        });
    });
}

/** Nobody answers; or the machine is not reached, which says nothing about the agent. */
export function unreachable(place: string, cause: unknown): AuthenticError {
    if (cause instanceof AuthenticError && isUnreachable(cause)) return cause;
    const code = (cause as NodeJS.ErrnoException).code ?? "no answer";
    return new AuthenticError("AE-AGENT-UNREACHABLE", `the agent of ${place} does not answer (${code})`, "run `pulumi refresh`, then `pulumi up`, which starts an agent that has ended", { cause });
}
