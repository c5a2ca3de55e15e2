// Every way to be let in, with real OpenSSH servers and agents: which key the server saw is its own word.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { closeConnections } from "../../provider/ssh/hosts";
import { authorityOf, keyProblems, type SshSettings, sshSchema } from "../../provider/ssh/settings";
import { refusal, say } from "./say";
import { fingerprint, freePort, makeKey, SshHost } from "./server";

const PASSPHRASE = "open sesame";
/** What `ssh-keygen` makes: name → its words. */
const TYPES = {
    "Ed25519": ["-t", "ed25519"],
    "ECDSA, P-256": ["-t", "ecdsa", "-b", "256"],
    "ECDSA, P-384": ["-t", "ecdsa", "-b", "384"],
    "ECDSA, P-521": ["-t", "ecdsa", "-b", "521"],
    "ECDSA, in PEM": ["-t", "ecdsa", "-m", "PEM"],
    "RSA": ["-t", "rsa", "-b", "2048"],
    "RSA, in PEM": ["-t", "rsa", "-b", "2048", "-m", "PEM"],
} as const;
const short = { timeouts: { connect: "2s", dial: "0ms" } } as const;

/** A real ssh-agent. */
class Agent {
    private constructor(readonly socket: string, private readonly process: ChildProcess) {}

    static async start(folder: string): Promise<Agent> {
        const socket = path.join(fs.mkdtempSync(path.join(folder, "agent-")), "socket");
        const started = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
        while (!fs.existsSync(socket)) await sleep(10);
        return new Agent(socket, started);
    }

    /** `ssh-add`; who asks for a passphrase gets it. */
    add(...words: string[]): void {
        const askpass = path.join(path.dirname(this.socket), "askpass");
        fs.writeFileSync(askpass, `#!/bin/sh\necho "${PASSPHRASE}"\n`, { mode: 0o700 });
        execFileSync("ssh-add", ["-q", ...words], { env: { ...process.env, SSH_AUTH_SOCK: this.socket, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" }, stdio: "ignore" });
    }

    async end(): Promise<void> {
        const ended = new Promise((resolve) => this.process.once("exit", resolve));
        this.process.kill();
        await ended;
    }
}

describe("a login over SSH", function () {
    this.timeout(120_000);
    let base: string;
    let host: SshHost;
    let keys = 0;

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "login-"));
        for (const type of ["rsa", "ecdsa"]) makeKey(base, `host_${type}`, "", ["-t", type]);
        // SHA-1, which `ssh-rsa` signatures have, is refused by the server as others do it today.
        host = await new SshHost({ config: [...["rsa", "ecdsa"].map((type) => `HostKey ${path.join(base, `host_${type}`)}`), "PubkeyAcceptedAlgorithms -ssh-rsa", "HostKeyAlgorithms -ssh-rsa"] }).start();
    });
    afterEach(() => closeConnections());
    after(async () => {
        await host.remove();
        fs.rmSync(base, { recursive: true });
    });

    const makeUserKey = (words: readonly string[], passphrase = "") => makeKey(base, `key${++keys}`, passphrase, words);
    const read = (file: string) => fs.readFileSync(file, "utf8");
    const without = <K extends "privateKey" | "hostKey">(key: K, ssh: ReturnType<SshHost["ssh"]>) => Object.fromEntries(Object.entries(ssh).filter(([name]) => name !== key)) as Omit<typeof ssh, K>;

    for (const [type, words] of Object.entries(TYPES)) {
        it(`is by a key of type ${type}, encrypted or not`, async () => {
            const [plain, encrypted] = [makeUserKey(words), makeUserKey(words, PASSPHRASE)];
            assert.match(read(plain), type.endsWith("PEM") ? /^-----BEGIN (EC|RSA) PRIVATE KEY-----/ : /^-----BEGIN OPENSSH PRIVATE KEY-----/);
            for (const file of [plain, encrypted]) {
                const ssh = host.ssh({ privateKey: read(file), ...(file === encrypted ? { passphrase: PASSPHRASE } : {}) });
                assert.deepEqual(await keyProblems(ssh as SshSettings), []);
                assert.equal((await refusal({ ...ssh, ...short })).code, "AE-SSH-AUTHENTICATION", "it is not known yet");
                host.admit(file);
                assert.equal(await say(ssh, "in"), "in");
                assert.equal(host.letIn.at(-1), fingerprint(file));
                await closeConnections();
            }
            for (const passphrase of ["open barley", undefined]) {
                const ssh = host.ssh({ privateKey: read(encrypted), ...short, ...(passphrase === undefined ? {} : { passphrase }) });
                const { code, message } = await refusal(ssh);
                assert.equal(code, "AE-SSH-AUTHENTICATION");
                assert.ok(!message.includes("barley") && !message.includes(read(encrypted).trim().split("\n").at(-2)!), message);
                assert.deepEqual(await keyProblems(ssh as SshSettings), [passphrase === undefined ? "ssh.privateKey is encrypted; give its `passphrase`" : "ssh.privateKey does not open with this passphrase"]);
            }
        });
    }

    it("is not by a key in PKCS #8, which says how it is changed", async () => {
        const file = makeUserKey(["-t", "rsa", "-b", "2048", "-m", "PKCS8"]);
        assert.match(read(file), /^-----BEGIN PRIVATE KEY-----/);
        const ssh = host.ssh({ privateKey: read(file) });
        assert.deepEqual(await keyProblems(ssh as SshSettings), ["ssh.privateKey is in PKCS #8, which is not read; change its file with `ssh-keygen -p -f FILE`, which writes OpenSSH's own format"]);
        // That is so.
        execFileSync("ssh-keygen", ["-q", "-p", "-f", file, "-P", "", "-N", ""]);
        host.admit(file);
        assert.equal(await say(host.ssh({ privateKey: read(file) }), "in"), "in");
    });

    describe("by an SSH agent", () => {
        let agent: Agent;
        let others: string | undefined;

        beforeEach(async () => {
            others = process.env["SSH_AUTH_SOCK"];
            delete process.env["SSH_AUTH_SOCK"];
            agent = await Agent.start(base);
        });
        afterEach(async () => {
            if (others !== undefined) process.env["SSH_AUTH_SOCK"] = others;
            await closeConnections();
            await agent.end();
        });
        const throughAgent = (which: string | true = agent.socket) => ({ ...without("privateKey", host.ssh(short)), agent: which });

        for (const type of ["Ed25519", "ECDSA, P-256", "RSA"] as const) {
            it(`that has a key of type ${type}`, async () => {
                const file = makeUserKey(TYPES[type]);
                agent.add(file);
                assert.equal((await refusal(throughAgent())).code, "AE-SSH-AUTHENTICATION");
                host.admit(file);
                assert.equal(await say(throughAgent(), "in"), "in");
                assert.equal(host.letIn.at(-1), fingerprint(file));
            });
        }

        it("that has several keys, one of them decrypted, and is that of SSH_AUTH_SOCK", async () => {
            const files = [makeUserKey(TYPES.Ed25519), makeUserKey(TYPES.RSA), makeUserKey(TYPES.Ed25519, PASSPHRASE)] as const;
            agent.add(...files);
            host.admit(files[2]);
            process.env["SSH_AUTH_SOCK"] = agent.socket;
            assert.equal(await say(throughAgent(true), "in"), "in");
            assert.equal(host.letIn.at(-1), fingerprint(files[2]));
        });

        it("that has no key, is locked, or is not there", async () => {
            const before = host.letIn.length;
            const code = async (which: string | true) => (await refusal(throughAgent(which))).code;
            assert.equal(await code(agent.socket), "AE-SSH-AUTHENTICATION");
            const file = makeUserKey(TYPES.Ed25519);
            host.admit(file);
            agent.add(file);
            agent.add("-x");
            assert.equal(await code(agent.socket), "AE-SSH-AUTHENTICATION");
            agent.add("-X");
            assert.equal(host.letIn.length, before);
            assert.equal(await say(throughAgent(), "in"), "in");
            await closeConnections();
            const nowhere = await refusal(throughAgent(path.join(base, "nowhere")));
            assert.equal(nowhere.code, "AE-SSH-AGENT");
            assert.ok(nowhere.message.includes(path.join(base, "nowhere")), nowhere.message);
            assert.equal(await code(true), "AE-SSH-AGENT");
        });
    });

    describe("over another host", () => {
        let gateway: SshHost;
        beforeEach(async () => { gateway = await new SshHost().start(); });
        afterEach(async () => {
            await closeConnections();
            await gateway.remove();
        });

        it("that has a key of its own, encrypted, and sees nothing of the other", async () => {
            const [outer, inner] = [makeUserKey(TYPES.RSA, PASSPHRASE), makeUserKey(TYPES.Ed25519)];
            gateway.admit(outer);
            host.admit(inner);
            const jump = gateway.ssh({ privateKey: read(outer), passphrase: PASSPHRASE });
            assert.equal(await say(host.ssh({ privateKey: read(inner), jump }), "behind"), "behind");
            assert.deepEqual([gateway.letIn, host.letIn.at(-1)], [[fingerprint(outer)], fingerprint(inner)]);
        });

        it("that does not know the key, names that host", async () => {
            const before = host.connected;
            const { code, message } = await refusal(host.ssh({ jump: gateway.ssh({ privateKey: read(makeUserKey(TYPES.Ed25519)) }), ...short }));
            assert.equal(code, "AE-SSH-AUTHENTICATION");
            assert.ok(message.includes(authorityOf(gateway.ssh() as SshSettings)), message);
            assert.equal(host.connected, before, "the host behind heard nothing");
        });

        it("that does not lead on says so, and a host behind that is away is away", async () => {
            const stubborn = await new SshHost({ config: ["AllowTcpForwarding no"] }).start();
            const refused = await refusal(host.ssh({ jump: stubborn.ssh(), ...short }));
            assert.equal(refused.code, "AE-SSH-REFUSED");
            assert.match(refused.message, /AllowTcpForwarding/);
            await closeConnections();
            await stubborn.remove();
            const away = { ...host.ssh({ jump: gateway.ssh(short), ...short }), port: await freePort(host.address) };
            const error = await refusal(away);
            assert.equal(error.code, "AE-SSH-UNREACHABLE");
            assert.ok(error.message.includes(`:${away.port}`), error.message);
        });
    });

    describe("at a host whose key is known", () => {
        /** As `ssh-keyscan` writes a known_hosts file, on another port than 22. */
        const scanned = (...words: string[]) => execFileSync("ssh-keyscan", [...words, "-p", String(host.port), host.address], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
        const knowing = (knownHosts: string) => ({ ...without("hostKey", host.ssh(short)), knownHosts });

        for (const type of ["rsa", "ecdsa"]) {
            it(`by its public key of type ${type}, although it has others`, async () => {
                assert.equal(await say(host.ssh({ hostKey: read(path.join(base, `host_${type}.pub`)) }), "in"), "in");
                const stranger = makeKey(base, `stranger_${type}`, "", ["-t", type]);
                const { code, message } = await refusal(host.ssh({ ...short, hostKey: read(`${stranger}.pub`) }));
                assert.equal(code, "AE-SSH-HOST-KEY");
                assert.ok(message.includes(fingerprint(stranger)), message);
            });
        }

        it("by the lines that ssh-keyscan writes, hashed or not", async () => {
            for (const words of [[], ["-H"]]) {
                const lines = scanned("-t", "rsa,ecdsa,ed25519", ...words);
                assert.equal(lines.trim().split("\n").length, 3);
                assert.equal(lines.includes("|1|"), words.length > 0);
                assert.equal(await say(knowing(lines), "in"), "in");
                await closeConnections();
            }
            assert.match(String(sshSchema.safeParse({ ...knowing(scanned("-H")), port: host.port + 1 }).error?.issues[0]?.message), /has no key of/, "of another port");
        });

        it("but not by a key that is revoked", async () => {
            const before = host.accepted;
            const { hostKey } = host;
            const [type, key] = hostKey.split(" ");
            for (const name of ["*", host.address, `[${host.address}]:${host.port}`]) {
                const { code, message } = await refusal(knowing(`${scanned("-t", "ed25519", "-H")}@revoked ${name} ${type} ${key}\n`));
                assert.equal(code, "AE-SSH-HOST-KEY");
                assert.match(message, /is revoked/);
            }
            assert.equal(host.accepted, before);
            assert.equal(await say(knowing(`${scanned("-t", "ed25519", "-H")}@revoked other.example ${type} ${key}\n`), "in"), "in");
        });
    });
});
