// One SSH connection: dialled with the host's key checked, asked again where the network fails, shared by who needs the host.

import net from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientChannel, type ConnectConfig } from "ssh2";
import { AuthenticError } from "../errors";
import { digestOf, fingerprintOf, isPinned, pinnedTypes, readPins, typeOf } from "./host-key";
import { authorityOf, isUnreachable, portOf, type SshHop, timesOf } from "./settings";

const MAX_OUTPUT_BYTES = 4 << 20;
/** Sessions at a time, below OpenSSH's MaxSessions of 10; forwarded sockets do not count. */
const MAX_SESSIONS = 6;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;
/** Unanswered signs of life after which a host counts as gone. */
const SILENT = 3;

/** What a command printed. */
export interface Output {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
}

/**
 * Connects to a host, over another connection where it lies behind one.
 *
 * @param through - makes a connection to the machine that leads there
 * @param patient - ask again until the dialling time is over; else once
 * @throws AuthenticError `AE-SSH-UNREACHABLE` where nobody answers, `AE-SSH-HOST-KEY` where another host does,
 *   `AE-SSH-AUTHENTICATION` where it does not know us
 */
export async function dial(hop: SshHop, through: (() => Promise<SshConnection>) | undefined, patient = true): Promise<SshConnection> {
    const deadline = Date.now() + timesOf(hop).dial;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
        try {
            return await dialOnce(hop, through);
        } catch (error) {
            if (!patient || !isUnreachable(error) || Date.now() + pause > deadline) throw error;
        }
        await sleep(pause);
    }
}

async function dialOnce(hop: SshHop, through: (() => Promise<SshConnection>) | undefined): Promise<SshConnection> {
    const { connect, keepAlive } = timesOf(hop);
    const pins = readPins(hop);
    if (typeof pins === "string") throw new AuthenticError("AE-SSH-HOST-KEY", `the host key of ${authorityOf(hop)} ${pins}`, "set `hostKey` or `knownHosts` of the node");
    const hostKeys = pinnedTypes(pins);
    const agent = hop.agent === undefined ? undefined : agentSocket(hop);
    const sock = through === undefined ? await tcp(hop, connect) : await (await through()).forward(hop.host, portOf(hop));
    const client = new Client();
    let refused: AuthenticError | undefined;
    const config: ConnectConfig = {
        sock, username: hop.user, readyTimeout: connect, keepaliveInterval: keepAlive, keepaliveCountMax: SILENT,
        ...(hop.privateKey === undefined ? {} : { privateKey: hop.privateKey }), ...(hop.passphrase === undefined ? {} : { passphrase: hop.passphrase }),
        ...(agent === undefined ? {} : { agent }),
        ...(hostKeys === undefined ? {} : { algorithms: { serverHostKey: hostKeys as never } }),
        hostVerifier: (key: Buffer) => {
            if (isPinned(pins, key)) return true;
            refused = otherHost(hop, key, pins.map(({ digest, type }) => `${type === undefined ? "" : `${type} `}${fingerprintOf(digest)}`));
            return false;
        },
    };
    try {
        await new Promise<void>((resolve, reject) => {
            client.once("ready", resolve).once("error", reject).once("close", () => reject(new Error("the connection was closed")));
            client.connect(config);
        });
    } catch (cause) {
        client.on("error", () => undefined);
        client.destroy();
        sock.destroy();
        throw refused ?? failed(hop, cause as Error & { level?: string }, hostKeys);
    }
    client.removeAllListeners("error").removeAllListeners("close");
    return new SshConnection(hop, client);
}

function tcp({ host, port, user }: SshHop, timeoutMs: number): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
        const socket = net.connect({ host, port: portOf({ port }), noDelay: true });
        const fail = (why: string) => {
            socket.destroy();
            reject(unreachable({ host, port, user }, why));
        };
        const timer = setTimeout(() => fail(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
        socket.once("connect", () => {
            clearTimeout(timer);
            socket.removeAllListeners("error");
            resolve(socket);
        });
        socket.once("error", (error: NodeJS.ErrnoException) => {
            clearTimeout(timer);
            fail(error.code ?? "no connection");
        });
    });
}

function agentSocket({ agent, host }: SshHop): string {
    const socket = agent === true ? process.env["SSH_AUTH_SOCK"] : agent;
    if (!socket) throw new AuthenticError("AE-SSH-AGENT", `no SSH agent runs that could vouch for you at ${host}`, "start one (`eval $(ssh-agent)`, `ssh-add`), or give the node's `ssh.privateKey`");
    return socket;
}

function otherHost(hop: SshHop, key: Buffer, expected: readonly string[]): AuthenticError {
    return new AuthenticError("AE-SSH-HOST-KEY", `${authorityOf(hop)} shows the host key ${typeOf(key)} ${fingerprintOf(digestOf(key))}, but ${expected.join(" or ")} is expected`,
        "somebody may be posing as the host: ask its owner; where the host really has a new key, give that in `ssh.hostKey` or `ssh.knownHosts`");
}

function failed(hop: SshHop, error: Error & { level?: string }, hostKeys: readonly string[] | undefined): AuthenticError {
    if (error instanceof AuthenticError) return error;
    if (error.level === "client-authentication") {
        const how = hop.agent === undefined ? "this private key" : "any key of the SSH agent";
        return new AuthenticError("AE-SSH-AUTHENTICATION", `${authorityOf(hop)} does not accept ${how}`, "add its public key to the account's ~/.ssh/authorized_keys, or give another one in `ssh`");
    }
    if (/^Cannot parse privateKey|passphrase/i.test(error.message)) {
        return new AuthenticError("AE-SSH-AUTHENTICATION", `the private key for ${authorityOf(hop)} cannot be used`, "give the content of a file in OpenSSH or PEM format as `ssh.privateKey`, and its `ssh.passphrase` where it is encrypted");
    }
    if (/host key|no matching/i.test(error.message)) {
        return new AuthenticError("AE-SSH-HOST-KEY", `${authorityOf(hop)} has no host key of type ${hostKeys?.join(" or ") ?? "any known"}, which is expected`,
            "somebody may be posing as the host: ask its owner for its key");
    }
    return unreachable(hop, /timed? ?out/i.test(error.message) ? "it did not complete the handshake in time" : error.message.slice(0, 200));
}

function unreachable(hop: Pick<SshHop, "user" | "host" | "port">, why: string): AuthenticError {
    return new AuthenticError("AE-SSH-UNREACHABLE", `${authorityOf(hop)} cannot be reached over SSH (${why})`,
        "check that the host runs and its SSH server can be reached from here; where it is lost for good, set `ssh.deleteUnreachable` of its node and run `pulumi up` or `pulumi destroy`");
}

/** A connection that is ready. Everything on it fails with `AE-SSH-UNREACHABLE` when it is lost. */
export class SshConnection {
    #closed = false;
    #sessions = 0;
    readonly #waiting: (() => void)[] = [];
    readonly #whenClosed = new Set<() => void>();

    constructor(private readonly hop: SshHop, private readonly client: Client) {
        const close = () => {
            this.#closed = true;
            for (const told of this.#whenClosed) told();
            this.#whenClosed.clear();
        };
        client.on("error", close).on("close", close).on("end", close);
    }

    get closed(): boolean {
        return this.#closed;
    }

    /** Opens a stream to a Unix socket of the host. */
    openSocket(path: string): Promise<Duplex> {
        return this.channel("open a socket", (done) => this.client.openssh_forwardOutStreamLocal(path, done));
    }

    /** Opens a stream to an address as the host sees it. */
    forward(host: string, port: number): Promise<Duplex> {
        return this.channel(`reach ${host}:${port}`, (done) => this.client.forwardOut("127.0.0.1", 0, host, port, done));
    }

    /**
     * Runs a command.
     *
     * @param command - for the account's shell; holds no secret, for everybody on the host can see it
     * @param input - for its standard input
     * @throws AuthenticError `AE-SSH-UNREACHABLE`, `AE-SSH-REFUSED`, `AE-SSH-TIMEOUT`, `AE-SSH-OUTPUT` where it prints too much
     */
    async run(command: string, input?: Uint8Array): Promise<Output> {
        await this.takeSession();
        try {
            const channel = await this.channel<ClientChannel>("run a command", (done) => this.client.exec(command, done));
            return await this.output(channel, input);
        } finally {
            this.#sessions--;
            this.#waiting.shift()?.();
        }
    }

    end(): void {
        this.client.end();
    }

    private async takeSession(): Promise<void> {
        while (this.#sessions >= MAX_SESSIONS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        this.#sessions++;
    }

    private channel<C extends Duplex>(what: string, open: (done: (error: Error | undefined, channel: C) => void) => void): Promise<C> {
        return new Promise((resolve, reject) => {
            const lost = () => reject(unreachable(this.hop, "the connection was lost"));
            if (this.#closed) {
                lost();
                return;
            }
            this.#whenClosed.add(lost);
            try {
                open((error, channel) => {
                    this.#whenClosed.delete(lost);
                    if (error === undefined) resolve(channel);
                    else if (this.#closed) lost();
                    else reject(new AuthenticError("AE-SSH-REFUSED", `${authorityOf(this.hop)} refuses to ${what} (${error.message.slice(0, 200)})`,
                        "allow it in its sshd_config: AllowStreamLocalForwarding for nodes, AllowTcpForwarding for hosts that others are reached through"));
                });
            } catch {
                // It is lost, and its end came before anybody listened for it.
                this.#closed = true;
                lost();
            }
        });
    }

    private output(channel: ClientChannel, input: Uint8Array | undefined): Promise<Output> {
        const { command: timeoutMs } = timesOf(this.hop);
        return new Promise((resolve, reject) => {
            const printed = { stdout: "", stderr: "" };
            let code: number | null | undefined;
            const fail = (error: AuthenticError) => {
                clearTimeout(timer);
                channel.destroy();
                reject(error);
            };
            const timer = setTimeout(() => fail(new AuthenticError("AE-SSH-TIMEOUT", `a command at ${authorityOf(this.hop)} has not ended within ${timeoutMs / 1000} s`,
                "look at what the host is busy with, or set `ssh.timeouts.command`")), timeoutMs);
            const take = (stream: "stdout" | "stderr") => (chunk: Buffer) => {
                printed[stream] += chunk.toString("utf8");
                if (printed[stream].length > MAX_OUTPUT_BYTES) fail(new AuthenticError("AE-SSH-OUTPUT", `a command at ${authorityOf(this.hop)} prints more than ${MAX_OUTPUT_BYTES} bytes`, "look at what its shell does at login"));
            };
            channel.on("data", take("stdout"));
            channel.stderr.on("data", take("stderr"));
            channel.on("exit", (exit: number | null) => { code = exit; });
            channel.on("error", () => undefined);
            channel.once("close", () => {
                clearTimeout(timer);
                if (code === undefined) reject(unreachable(this.hop, "the connection was lost while a command ran"));
                else resolve({ code: code ?? 255, ...printed });
            });
            channel.end(input);
        });
    }
}
