// docs/ssh.md: its command blocks work as they stand there, pasted in order, against a real OpenSSH server that plays the machine; and
// its table of codes is complete.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { packageRoot } from "../../tools/setup/toolchain";
import { TestProject } from "../pulumi/project";
import { SshHost } from "../ssh/server";
import { blocksOf, missingLine } from "./markdown";
import { shell } from "./shell";

const guide = fs.readFileSync(path.join(packageRoot(), "docs", "ssh.md"), "utf8");

describe("commands in docs/ssh.md", function () {
    this.timeout(300_000);
    let host: SshHost;
    let project: TestProject;
    let keys: string;
    /** What the text says of its machine → what that is of the one here. */
    let here: Readonly<Record<string, string>>;
    const used = new Set<string>();

    /** Blocks that are not run as they stand, with what is run in their place. */
    const STAND_INS: Readonly<Record<string, () => string>> = {
        // It asks for a password.
        "ssh-copy-id -i ~/.ssh/field.pub authentic@192.0.2.10": () => `cat ${keys}/field.pub >> ${host.folder}/authorized_keys`,
        // Systemd runs on no machine of a test.
        "loginctl enable-linger authentic": () => "loginctl --help | grep 'enable-linger'",
        // It downloads, and builds for minutes.
        "rustup target add aarch64-unknown-linux-musl\ncargo aarch64": () => `rustc --print target-list | grep -x aarch64-unknown-linux-musl; grep '^aarch64 = .*aarch64-unknown-linux-musl' ${path.join(packageRoot(), "runtime", ".cargo", "config.toml")}`,
    };
    const standIns: string[] = [];

    before(async () => {
        host = await new SshHost().start();
        project = new TestProject({
            "Pulumi.yaml": "name: irrigation\nruntime:\n  name: nodejs\nmain: index.ts\nstackConfigDir: stacks\n",
            "package.json": JSON.stringify({ name: "irrigation", private: true }),
            "tsconfig.json": JSON.stringify({ compilerOptions: { module: "commonjs", target: "es2022", strict: true, skipLibCheck: true }, files: ["index.ts"] }),
            "stacks/Pulumi.dev.yaml": "config:\n  authentic:trust:\n    native: true\n",
        });
        keys = path.join(project.folder, "..", "keys");
        fs.mkdirSync(keys, { mode: 0o700 });
        here = {
            "/etc/ssh/ssh_host_ed25519_key.pub": path.join(host.folder, "host_key.pub"),
            "SHA256:2XwJ7bYnQ5m3Wc0ZqVt8RkLdEo1uHsGfPi6TjAyN4xM": host.fingerprint,
            "host: \"192.0.2.10\"": `host: "${host.address}", port: ${host.port}`,
            "user: \"authentic\"": `user: "${host.user}"`,
            // No hardware.
            "tee: \"sgx\"": "tee: \"native\"",
            "~/.ssh": keys,
            "npx authentic": `node ${path.join(packageRoot(), "dist", "provider", "cli", "main.js")}`,
        };
        await project.begin();
    });
    after(async () => {
        await project.attempt("state", "unprotect", "--all", "--yes");
        await project.pulumi("destroy", "--yes", "--skip-preview");
        project.remove();
        assert.deepEqual(await host.remove(), [], "nothing of a node runs any more");
    });

    function translated(text: string): string {
        return Object.entries(here).reduce((so, [there, ours]) => {
            if (so.includes(there)) used.add(there);
            return so.replaceAll(there, ours);
        }, text);
    }

    const blocks = blocksOf(guide);
    blocks.forEach(({ language, note, content, line }, index) => {
        if (language === "ts") {
            it(`line ${String(line)} is saved as ${note}`, () => project.write(note, translated(content)));
        } else if (language === "sh") {
            it(`line ${String(line)} ${content.trim().split("\n").at(-1) ?? ""}`, async () => {
                const standIn = STAND_INS[content.trim()];
                assert.equal(standIn !== undefined, note === "stand-in", "it is marked as what it is");
                if (standIn !== undefined) standIns.push(content.trim());
                const { code, output } = await shell(standIn?.() ?? translated(content), project.folder, project.env);
                assert.equal(code, 0, output);
                const next = blocks[index + 1];
                if (next?.language === "text") assert.equal(missingLine(translated(next.content), output), undefined, `it does not print what the text shows, but:\n${output}`);
            });
        } else {
            it(`line ${String(line)} shows what the commands before it print`, () => assert.deepEqual([language, blocks[index - 1]?.language], ["text", "sh"]));
        }
    });

    it("were run but for those that are listed, with everything that the text says of its machine", () => {
        assert.deepEqual(standIns, Object.keys(STAND_INS));
        assert.deepEqual([...used].sort(), Object.keys(here).sort());
        assert.equal(host.letIn.length > 0, true);
    });
});

describe("codes in docs/ssh.md", () => {
    it("are those of the source, each with what to do", () => {
        const source = ["provider", "resources", "tools"].flatMap((folder) => fs.readdirSync(path.join(packageRoot(), folder), { recursive: true, encoding: "utf8" })
            .filter((file) => file.endsWith(".ts")).map((file) => fs.readFileSync(path.join(packageRoot(), folder, file), "utf8")));
        const thrown = new Set(source.flatMap((text) => [...text.matchAll(/AuthenticError\(\s*"(AE-SSH-[A-Z-]+)"/g)].map(([, code]) => code!)));
        const named = new Set(source.flatMap((text) => [...text.matchAll(/AE-SSH-[A-Z]+(-[A-Z]+)*(?![A-Z-])/g)].map(([code]) => code)));
        assert.deepEqual([...named].sort(), [...thrown].sort(), "no comment names one that does not exist");
        const listed = [...guide.matchAll(/^\| `(AE-SSH-[A-Z-]+)` \| (.+) \|$/gm)];
        assert.deepEqual(listed.map(([, code]) => code!).sort(), [...thrown].sort());
        assert.ok(thrown.size >= 12, String(thrown.size));
        for (const [, code, advice] of listed) assert.ok(advice!.length > 30, code);
    });
});
