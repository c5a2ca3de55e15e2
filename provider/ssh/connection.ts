// One SSH connection: dialled with the host's key checked, asked again where the network fails, shared by who needs the host.

import { type Duplex, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { NodeSSH } from "node-ssh";
import type { ClientChannel } from "ssh2";
import { hostPort } from "../addresses";
import { AuthenticError } from "../errors";
import { digestOf, fingerprintOf, isPinned, type Pin, pinnedTypes, readPins, typeOf } from "./host-key";
import { authorityOf, isUnreachable, portOf, type SshHop, timesOf } from "./settings";

const MAX_OUTPUT_BYTES = 4 << 20;
/** Sessions at a time, below OpenSSH's MaxSessions of 10; forwarded sockets do not count. */
const MAX_SESSIONS = 6;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;
/** Unanswered signs of life after which a host counts as gone. */
const SILENT = 3;

/** How ssh2 says that the host itself refused a channel or a command. */
const REFUSAL = /^\(SSH\) Channel open failure|^Unable to exec/;

/** What a host says of an address that does not answer (RFC 4254 section 5.1); else it does not lead there. */
const CONNECT_FAILED = 2;

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
    const deadline = performance.now() + timesOf(hop).dial;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
        try {
            return await dialOnce(hop, through);
        } catch (error) {
            if (!patient || !isUnreachable(error) || performance.now() + pause > deadline) throw error;
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
    const sock = through === undefined ? undefined : await (await through()).forward(hop);
    let refused: AuthenticError | undefined;
    const ssh = new NodeSSH();
    const connecting = ssh.connect({
        ...(sock === undefined ? { host: hop.host, port: portOf(hop) } : { sock }),
        username: hop.user, readyTimeout: connect, keepaliveInterval: keepAlive, keepaliveCountMax: SILENT,
        // Else the account is asked first whether it needs a key at all.
        authHandler: [agent === undefined ? "publickey" : "agent"],
        ...(hop.privateKey === undefined ? {} : { privateKey: hop.privateKey }), ...(hop.passphrase === undefined ? {} : { passphrase: hop.passphrase }),
        ...(agent === undefined ? {} : { agent }),
        ...(hostKeys === undefined ? {} : { algorithms: { serverHostKey: hostKeys as never } }),
        hostVerifier: (key: Buffer) => {
            if (isPinned(pins, key)) return true;
            refused = otherHost(hop, key, pins);
            return false;
        },
    });
    const client = ssh.connection;
    // What goes wrong between the end of the handshake and the first step has a listener, or it would end the process.
    client?.on("error", () => undefined);
    try {
        await connecting;
    } catch (cause) {
        client?.destroy();
        sock?.destroy();
        throw refused ?? failed(hop, cause as Error & { level?: string }, hostKeys);
    }
    client?.setNoDelay(true);
    return new SshConnection(hop, ssh);
}

function agentSocket({ agent, host }: SshHop): string {
    const socket = agent === true ? process.env["SSH_AUTH_SOCK"] : agent;
    if (!socket) throw new AuthenticError("AE-SSH-AGENT", `no SSH agent runs that could vouch for you at ${host}`, "start one (`eval $(ssh-agent)`, `ssh-add`), or give the node's `ssh.privateKey`");
    return socket;
}

function otherHost(hop: SshHop, key: Buffer, pins: readonly Pin[]): AuthenticError {
    const revoked = pins.some((pin) => pin.revoked === true && pin.digest.equals(digestOf(key)));
    const expected = new Set(pins.filter((pin) => pin.revoked !== true).map(({ digest, type }) => `${type === undefined ? "" : `${type} `}${fingerprintOf(digest)}`));
    return new AuthenticError("AE-SSH-HOST-KEY", `${authorityOf(hop)} shows the host key ${typeOf(key)} ${fingerprintOf(digestOf(key))}, ${revoked ? "which is revoked in `knownHosts`" : `but ${[...expected].join(" or ")} is expected`}`,
        "somebody may be posing as the host: ask its owner; where the host really has a new key, give that in `ssh.hostKey` or `ssh.knownHosts`");
}

function failed(hop: SshHop, error: Error & { level?: string }, hostKeys: readonly string[] | undefined): AuthenticError {
    if (error instanceof AuthenticError) return error;
    if (error.level === "agent") {
        return new AuthenticError("AE-SSH-AGENT", `the SSH agent at ${agentSocket(hop)}, which vouches for you at ${authorityOf(hop)}, cannot be asked (${error.message.slice(0, 200)})`,
            "check that it runs and that its socket is right (`ssh-add -l` with SSH_AUTH_SOCK set to it), or give `ssh.privateKey`");
    }
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
    return unreachable(hop, error.level === "client-timeout" ? `no answer within ${timesOf(hop).connect / 1000} s` : error.message.slice(0, 200));
}

function unreachable(hop: Pick<SshHop, "user" | "host" | "port">, why: string): AuthenticError {
    return new AuthenticError("AE-SSH-UNREACHABLE", `${authorityOf(hop)} cannot be reached over SSH (${why})`,
        "check that the host runs and its SSH server can be reached from here; where it is lost for good, set `ssh.deleteUnreachable` of its node and run `pulumi up` or `pulumi destroy`");
}

/** A connection that is ready. Everything on it fails with `AE-SSH-UNREACHABLE` when it is lost. */
export class SshConnection {
    #sessions = 0;
    readonly #waiting: (() => void)[] = [];
    readonly #whenClosed = new Set<() => void>();

    constructor(private readonly hop: SshHop, private readonly ssh: NodeSSH) {
        const close = () => {
            ssh.dispose();
            for (const told of this.#whenClosed) told();
            this.#whenClosed.clear();
        };
        ssh.connection?.on("error", close).on("close", close).on("end", close);
    }

    get closed(): boolean {
        return !this.ssh.isConnected();
    }

    /** Opens a stream to a Unix socket of the host. It ends with an error where the connection is lost. */
    async openSocket(path: string): Promise<Duplex> {
        const stream = await this.step("open a socket", () => this.ssh.forwardOutStreamLocal(path));
        const lost = () => stream.emit("error", unreachable(this.hop, "the connection was lost"));
        this.#whenClosed.add(lost);
        stream.once("close", () => this.#whenClosed.delete(lost)).on("error", () => undefined);
        return stream;
    }

    /** Opens a stream to a machine that the host leads to. @throws AuthenticError `AE-SSH-UNREACHABLE` for that machine too */
    forward(hop: SshHop): Promise<Duplex> {
        const port = portOf(hop);
        return this.step(`reach ${hostPort(hop.host, port)}`, () => this.ssh.forwardOut("127.0.0.1", 0, hop.host, port).catch((error: unknown) => {
            const { reason, message } = error as Error & { reason?: unknown };
            throw reason === CONNECT_FAILED ? unreachable(hop, `${authorityOf(this.hop)} says: ${message.slice(0, 200)}`) : error;
        }));
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
            return await this.step("run a command", () => this.execute(command, input));
        } finally {
            this.#sessions--;
            this.#waiting.shift()?.();
        }
    }

    end(): void {
        this.ssh.dispose();
    }

    private async takeSession(): Promise<void> {
        while (this.#sessions >= MAX_SESSIONS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        this.#sessions++;
    }

    /** Does something that fails as soon as the connection is lost. */
    private step<T>(what: string, act: () => Promise<T>): Promise<T> {
        return new Promise((resolve, reject) => {
            const lost = () => reject(unreachable(this.hop, "the connection was lost"));
            if (this.closed) {
                lost();
                return;
            }
            this.#whenClosed.add(lost);
            act().then(resolve, (error: unknown) => {
                const { message } = error as Error;
                if (error instanceof AuthenticError) {
                    reject(error);
                } else if (this.closed || !REFUSAL.test(message)) {
                    // The socket may be gone before anybody was told.
                    this.ssh.dispose();
                    lost();
                } else reject(new AuthenticError("AE-SSH-REFUSED", `${authorityOf(this.hop)} refuses to ${what} (${message.slice(0, 200)})`,
                    "allow it in its sshd_config: AllowStreamLocalForwarding for nodes, AllowTcpForwarding for hosts that others are reached through"));
            }).finally(() => this.#whenClosed.delete(lost));
        });
    }

    private execute(command: string, input: Uint8Array | undefined): Promise<Output> {
        const { command: timeoutMs } = timesOf(this.hop);
        return new Promise((resolve, reject) => {
            let channel: ClientChannel | undefined;
            let over = false;
            // The host may not answer that the channel ends: nobody waits for it.
            const giveUp = (error: AuthenticError) => {
                over = true;
                channel?.destroy();
                reject(error);
            };
            let printed = 0;
            const count = (chunk: Buffer) => {
                printed += chunk.length;
                if (printed > MAX_OUTPUT_BYTES && !over) giveUp(new AuthenticError("AE-SSH-OUTPUT", `a command at ${authorityOf(this.hop)} prints more than ${MAX_OUTPUT_BYTES} bytes`, "look at what its shell does at login"));
            };
            const timer = setTimeout(() => giveUp(new AuthenticError("AE-SSH-TIMEOUT", `a command at ${authorityOf(this.hop)} has not ended within ${timeoutMs / 1000} s`,
                "look at what the host is busy with, or set `ssh.timeouts.command`")), timeoutMs);
            const onChannel = (opened: ClientChannel) => {
                channel = opened.on("error", () => undefined);
                if (over) opened.destroy();
            };
            this.ssh.execCommand(command, { noTrim: true, onChannel, onStdout: count, onStderr: count, ...(input === undefined ? {} : { stdin: Readable.from([input]) }) }).then(({ code, signal, stdout, stderr }) => {
                if (code === null && signal === null) reject(unreachable(this.hop, "the connection was lost while a command ran"));
                else resolve({ code: code ?? 255, stdout, stderr });
            }, reject).finally(() => clearTimeout(timer));
        });
    }
}
