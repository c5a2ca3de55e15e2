// A host of a test: a real OpenSSH server on an address of its own, with a folder for nodes of its own.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SshArgs } from "../../resources";
import { isAlive, processes } from "../processes";

const SSHD = "/usr/sbin/sshd";
let hosts = 1;

/** What a host is like where it is not like others. */
export interface HostOptions {
    /** Runs sshd, such as in a network namespace. */
    readonly within?: readonly string[];
    /** IPv4, which nobody else has; default: a loopback address that no other host of the process has. */
    readonly address?: string;
    /** Further lines of sshd_config. */
    readonly config?: readonly string[];
    /** Megabytes of a file system of its own for what nodes write; needs root. */
    readonly disk?: number;
    /** Programs that come first in the PATH of sessions: name → script. */
    readonly programs?: Readonly<Record<string, string>>;
}

/** Makes a key pair. @param words - of ssh-keygen: the type and format, where they are others @returns the private key's file */
export function makeKey(folder: string, name: string, passphrase = "", words: readonly string[] = ["-t", "ed25519"]): string {
    const file = path.join(folder, name);
    execFileSync("ssh-keygen", ["-q", ...words, "-a", "1", "-N", passphrase, "-C", name, "-f", file]);
    return file;
}

/** Fingerprint of a key pair, as `ssh-keygen -lf` prints it. @param file - of the private key */
export function fingerprint(file: string): string {
    return execFileSync("ssh-keygen", ["-lf", `${file}.pub`], { encoding: "utf8" }).split(" ")[1]!;
}

const read = (file: string): string => fs.readFileSync(file, "utf8");

/** A port of an address that nobody has. */
export async function freePort(address: string): Promise<number> {
    const server = net.createServer().listen(0, address);
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as net.AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
}

/** A process of a host. */
export interface HostProcess {
    readonly pid: number;
    readonly words: readonly string[];
}

export class SshHost {
    readonly address: string;
    /** Everything of the host. */
    readonly folder: string;
    /** Of the host's key, as `ssh-keygen -lf` prints it. */
    readonly fingerprint: string;
    readonly user = os.userInfo().username;
    port = 0;
    private readonly key: string;
    private server: ChildProcess | undefined;

    constructor(private readonly options: HostOptions = {}) {
        this.address = options.address ?? `127.0.1.${++hosts}`;
        this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "host-"));
        this.fingerprint = fingerprint(makeKey(this.folder, "host_key"));
        this.key = makeKey(this.folder, "user_key");
        fs.copyFileSync(`${this.key}.pub`, path.join(this.folder, "authorized_keys"));
        fs.mkdirSync(path.join(this.folder, "bin"));
        if (options.disk !== undefined) {
            fs.mkdirSync(this.disk);
            execFileSync("mount", ["-t", "tmpfs", "-o", `size=${options.disk}m,mode=700`, "tmpfs", this.disk]);
        }
        for (const [name, script] of Object.entries(options.programs ?? {})) fs.writeFileSync(path.join(this.folder, "bin", name), script, { mode: 0o755 });
    }

    /** Where nodes of the host have their folders. */
    get nodes(): string {
        return path.join(this.disk, "pulumi-authentic");
    }

    /** What nodes write to. */
    get disk(): string {
        return path.join(this.folder, "s");
    }

    /** The host's public key, as known_hosts files have it. */
    get hostKey(): string {
        return read(path.join(this.folder, "host_key.pub")).trim();
    }

    /** What the server wrote to its log. */
    get log(): string {
        return read(path.join(this.folder, "sshd.log"));
    }

    /** How a program reaches the host. */
    ssh(more: Partial<SshArgs> = {}): SshArgs {
        return { host: this.address, port: this.port, user: this.user, privateKey: read(this.key), hostKey: this.fingerprint, ...more };
    }

    /** Lets a key in. @param file - of the private key */
    admit(file: string): void {
        fs.appendFileSync(path.join(this.folder, "authorized_keys"), read(`${file}.pub`));
    }

    /** Fingerprints of the keys that were let in, one for each connection. */
    get letIn(): string[] {
        return [...this.log.matchAll(/Accepted publickey for .* (SHA256:\S+)/g)].map(([, shown]) => shown!);
    }

    /** Arguments with which OpenSSH's own client reaches the host, before the command. */
    get sshWords(): string[] {
        const known = path.join(this.folder, "known_hosts");
        fs.writeFileSync(known, `[${this.address}]:${this.port} ${this.hostKey}\n`);
        return ["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", `UserKnownHostsFile=${known}`, "-i", this.key, "-p", String(this.port), `${this.user}@${this.address}`];
    }

    /** Starts the server, on the port it had before where it had one. */
    async start(): Promise<this> {
        this.port ||= this.options.address === undefined ? await freePort(this.address) : 22;
        // Where it changes its root to before a session is authenticated; systems with systemd make it.
        if (process.getuid?.() === 0) fs.mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
        const config = path.join(this.folder, "sshd_config");
        fs.writeFileSync(config, [
            `ListenAddress ${this.address}:${this.port}`, `HostKey ${path.join(this.folder, "host_key")}`, "PidFile none", `AuthorizedKeysFile ${path.join(this.folder, "authorized_keys")}`,
            "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password", "LogLevel VERBOSE",
            // A machine allows a few connections at once before they are authenticated.
            "MaxStartups 10:30:60",
            `SetEnv XDG_STATE_HOME=${path.join(this.folder, "s")} XDG_CONFIG_HOME=${path.join(this.folder, "c")} PATH=${path.join(this.folder, "bin")}:${process.env["PATH"] ?? ""}`,
            ...this.options.config ?? [], "",
        ].join("\n"));
        const log = fs.openSync(path.join(this.folder, "sshd.log"), "a");
        const [program, ...words] = [...this.options.within ?? [], SSHD, "-D", "-e", "-f", config];
        const before = fs.existsSync(path.join(this.folder, "sshd.log")) ? this.log.length : 0;
        this.server = spawn(program, words, { stdio: ["ignore", log, log] });
        fs.closeSync(log);
        for (let tries = 0; !this.log.slice(before).includes("Server listening"); tries++) {
            if (tries > 300 || this.server.exitCode !== null) throw new Error(`sshd does not start: ${this.log}`);
            await sleep(20);
        }
        return this;
    }

    /** Ends the server and all its sessions; what they started goes on. */
    async stop(): Promise<void> {
        const { server } = this;
        if (server === undefined) return;
        this.server = undefined;
        const sessions = this.sessions(server.pid!);
        const ended = new Promise((resolve) => server.once("exit", resolve));
        server.kill("SIGKILL");
        for (const pid of sessions) killed(pid);
        await ended;
    }

    /** Cuts all present connections, as a network does that fails; how many there were. */
    cut(): number {
        return this.sessions(this.server!.pid!).filter(killed).length;
    }

    /** Processes of sshd below a process: one for each connection, and one more where privileges are separated. */
    private sessions(parent: number): number[] {
        return fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => parentOf(pid) === parent && nameOf(pid).startsWith("sshd"))
            .flatMap((pid) => [pid, ...this.sessions(pid)]);
    }

    /** How many connections were authenticated since the host was made. */
    get accepted(): number {
        return this.log.split("\n").filter((line) => line.includes("Accepted publickey")).length;
    }

    /** How many connections were made, authenticated or not, since the host was made. */
    get connected(): number {
        return this.log.split("\n").filter((line) => line.startsWith("Connection from ")).length;
    }

    /** What runs in the host's folder, the server not: each with what it has started. */
    processes(): HostProcess[] {
        const mine = processes().filter(({ pid, line }) => pid !== this.server?.pid && line.includes(this.folder)).map(({ pid }) => pid);
        const all = new Set(mine);
        for (let size = -1; size !== all.size;) {
            size = all.size;
            for (const { pid } of processes()) if (all.has(parentOf(pid))) all.add(pid);
        }
        return [...all].map((pid) => ({ pid, words: commandLine(pid).split("\0").slice(0, -1) })).filter(({ words }) => words.length > 0);
    }

    /** The power fails and comes back: every process ends at once, files stay. @returns command lines of what was killed */
    async reboot(): Promise<string[]> {
        const running = this.processes();
        const ended = this.stop();
        running.forEach(({ pid }) => killed(pid));
        await ended;
        for (const { pid } of running) while (isAlive(pid)) await sleep(5);
        // What was being started meanwhile.
        for (let late = this.processes(); late.length > 0; late = this.processes()) {
            late.forEach(({ pid }) => killed(pid));
            running.push(...late);
            await sleep(5);
        }
        await this.start();
        return running.map(({ words }) => words.join(" "));
    }

    /** Ends the server and all that runs in the host's folder, and removes that. @returns command lines of what ran besides the server */
    async remove(): Promise<string[]> {
        await this.stop();
        const left = this.processes();
        const lines = left.map(({ words }) => words.join(" "));
        left.forEach(({ pid }) => killed(pid));
        if (this.options.disk !== undefined) {
            for (const { pid } of left) while (isAlive(pid)) await sleep(5);
            execFileSync("umount", [this.disk]);
        }
        fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
        return lines;
    }
}

function killed(pid: number): boolean {
    try {
        process.kill(pid, "SIGKILL");
        return true;
    } catch {
        return false;
    }
}

function commandLine(pid: number): string {
    try {
        return read(`/proc/${pid}/cmdline`);
    } catch {
        return "";
    }
}

function statusLine(pid: number, name: string): string {
    try {
        return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(read(`/proc/${pid}/status`))?.[1] ?? "";
    } catch {
        return "";
    }
}

const parentOf = (pid: number): number => Number(statusLine(pid, "PPid"));
const nameOf = (pid: number): string => statusLine(pid, "Name");
