// Who is not let in, who is not believed, and what is said then: with real OpenSSH servers.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startRemoteAgent } from "../../provider/agent/remote";
import { closeConnections, connectionTo, introduceHosts } from "../../provider/ssh/hosts";
import { authorityOf, keyProblems, type SshSettings, sshSchema } from "../../provider/ssh/settings";
import { runScript } from "../../provider/ssh/shell";
import { refusal, say } from "./say";
import { freePort, makeKey, SshHost } from "./server";

describe("an SSH connection", function () {
    this.timeout(60_000);
    let base: string;
    let host: SshHost;

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "refusals-"));
        host = await new SshHost().start();
    });
    afterEach(() => closeConnections());
    after(async () => {
        await host.remove();
        fs.rmSync(base, { recursive: true });
    });

    const short = { timeouts: { connect: "2s", dial: "0ms" } } as const;

    it("takes words as they are, whatever they hold", async () => {
        const word = "it's \"$HOME\" `id` \\n * ; #";
        assert.equal(await say(host.ssh(), word), word);
    });

    it("is refused where the host shows another key, naming both, before the account is told anything", async () => {
        const other = new SshHost();
        const before = host.accepted;
        const error = await refusal(host.ssh({ hostKey: other.fingerprint }));
        assert.equal(error.code, "AE-SSH-HOST-KEY");
        assert.ok(error.message.includes(host.fingerprint) && error.message.includes(other.fingerprint), error.message);
        assert.equal(host.accepted, before);
        // The same with all of it: the key alone makes the difference.
        assert.equal(await say(host.ssh({ hostKey: [other.fingerprint, host.hostKey] }), "in"), "in");
        await other.remove();
    });

    it("is refused where the known hosts lack it, in preview already", () => {
        const { host: name, port, user, privateKey } = host.ssh();
        const { error } = sshSchema.safeParse({ host: name, port, user, privateKey, knownHosts: `other.example ${host.hostKey}` });
        assert.match(String(error?.issues[0]?.message), /^has no key of 127\.0\.1\.\d+, port \d+; add the line/);
    });

    it("is refused where the account does not know the key, which no message shows", async () => {
        const privateKey = fs.readFileSync(makeKey(base, "stranger"), "utf8");
        const error = await refusal(host.ssh({ privateKey }));
        assert.equal(error.code, "AE-SSH-AUTHENTICATION");
        assert.ok(!error.message.includes(privateKey.split("\n")[2]!));
    });

    it("opens an encrypted key with its passphrase alone", async () => {
        const encrypted = makeKey(base, "encrypted", "open sesame");
        fs.appendFileSync(path.join(host.folder, "authorized_keys"), fs.readFileSync(`${encrypted}.pub`, "utf8"));
        const privateKey = fs.readFileSync(encrypted, "utf8");
        const problems = async (passphrase?: string) => keyProblems(host.ssh({ privateKey, ...(passphrase === undefined ? {} : { passphrase }) }) as SshSettings);
        assert.deepEqual(await problems(), ["ssh.privateKey is encrypted; give its `passphrase`"]);
        assert.deepEqual(await problems("open barley"), ["ssh.privateKey does not open with this passphrase"]);
        assert.deepEqual(await problems("open sesame"), []);
        assert.equal(await say(host.ssh({ privateKey, passphrase: "open sesame" }), "in"), "in");
    });

    it("names a file's path that stands where its content should", async () => {
        assert.deepEqual(await keyProblems(host.ssh({ privateKey: "~/.ssh/id_ed25519" }) as SshSettings), ["ssh.privateKey is no private key in OpenSSH or PEM format; give the content of the file, not its path"]);
    });

    it("goes through another host where it is told to, whose key counts as well", async () => {
        const gateway = await new SshHost().start();
        assert.equal(await say(host.ssh({ jump: gateway.ssh() }), "behind"), "behind");
        assert.equal(gateway.accepted, 1);
        await closeConnections();
        const error = await refusal(host.ssh({ jump: gateway.ssh({ hostKey: host.fingerprint }), ...short }));
        assert.equal(error.code, "AE-SSH-HOST-KEY");
        assert.ok(error.message.includes(authorityOf(gateway.ssh() as SshSettings)), error.message);
        await gateway.remove();
    });

    it("is one, however many ask at once", async () => {
        const before = host.accepted;
        const words = Array.from({ length: 30 }, (_, index) => String(index));
        assert.deepEqual(await Promise.all(words.map((word) => say(host.ssh(), word))), words);
        assert.equal(host.accepted, before + 1);
    });

    it("gives up a command that takes too long or prints too much, and goes on", async () => {
        const ssh = host.ssh({ timeouts: { command: "6s" } });
        assert.equal(await say(ssh, "first"), "first");
        const before = host.connected;
        const authority = authorityOf(ssh as SshSettings);
        await assert.rejects(runScript(authority, "wait", "sleep 30", []), { code: "AE-SSH-TIMEOUT" });
        const bytes = (count: number) => runScript(authority, "print", `head -c ${count} /dev/zero | tr '\\0' x`, []);
        await assert.rejects(bytes((4 << 20) + 1), { code: "AE-SSH-OUTPUT" });
        assert.equal((await bytes(1 << 20)).length, 1 << 20);
        assert.equal(await say(ssh, "last"), "last");
        assert.equal(host.connected, before, "over the same connection");
    });

    it("that does not lead to sockets is no way to a node, which says so", async () => {
        const closed = await new SshHost({ config: ["AllowStreamLocalForwarding no"] }).start();
        const ssh = closed.ssh() as SshSettings;
        introduceHosts({ ssh }, true);
        await assert.rejects(startRemoteAgent(authorityOf(ssh), { node: "n", deployment: "00112233445566778899aabbccddeeff", listenAddress: closed.address }), { code: "AE-SSH-FORWARDING" });
        await closeConnections();
        assert.equal(fs.existsSync(closed.nodes), false, "nothing is left behind");
        assert.deepEqual(await closed.remove(), [], "nothing of a node runs any more");
    });

    it("is made again where it was lost, and a script that was cut off is run again", async () => {
        await say(host.ssh(), "first");
        const before = host.accepted;
        assert.ok(host.cut() > 0);
        assert.equal(await say(host.ssh(), "second"), "second");
        const slow = runScript(authorityOf(host.ssh() as SshSettings), "wait", `echo run >> "$1"; sleep 1; echo done`, [path.join(base, "runs")]);
        while (!fs.existsSync(path.join(base, "runs"))) await sleep(20);
        assert.ok(host.cut() > 0);
        assert.equal((await slow).trim(), "done");
        assert.equal(fs.readFileSync(path.join(base, "runs"), "utf8"), "run\nrun\n");
        assert.equal(host.accepted, before + 2);
    });

    it("waits for a server that is away, and comes back", async () => {
        await say(host.ssh(), "first");
        await host.stop();
        const waiting = say(host.ssh(), "back");
        await sleep(500);
        await host.start();
        assert.equal(await waiting, "back");
    });

    it("says that nobody answers, once for all who wait", async () => {
        const port = await freePort("127.0.0.1");
        const nobody = host.ssh({ host: "127.0.0.1", port, ...short });
        const errors = await Promise.all(Array.from({ length: 20 }, () => refusal(nobody)));
        assert.deepEqual([...new Set(errors.map(({ code }) => code))], ["AE-SSH-UNREACHABLE"]);
        await assert.rejects(connectionTo("nobody@nowhere:22"), { code: "AE-SSH-SETTINGS" });
    });
});
