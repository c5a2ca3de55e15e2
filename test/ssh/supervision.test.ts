// Who looks after agents of other machines: units that systemd accepts, and a systemctl that only notes what it is told.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { endRemoteAgent, remoteAgentGone, runningRemoteAgent, startRemoteAgent } from "../../provider/agent/remote";
import { unitName, unitText } from "../../provider/agent/supervision";
import { closeConnections, introduceHosts } from "../../provider/ssh/hosts";
import { authorityOf, parseLocation, type SshSettings } from "../../provider/ssh/settings";
import { SshHost } from "./server";

/** The part of systemctl that nodes use, for one account: runs what a unit says, ends it, and notes every call. */
const SYSTEMCTL = `#!/bin/bash
here=$(dirname "$0"); echo "$*" >> "$here/calls"
[ "$1" = --user ] || { echo offline; exit 1; }
shift
unit=$XDG_CONFIG_HOME/systemd/user/$2
case $1 in
is-system-running) echo running;;
restart)
    [ ! -e "$here/pid" ] || kill -9 "$(cat "$here/pid")" 2>/dev/null
    command=$(sed -n 's/^ExecStart=//p' "$unit"); eval "setsid $command </dev/null >/dev/null 2>&1 &"; echo $! > "$here/pid";;
enable) rm -f "$here/disabled";;
is-enabled) [ ! -e "$here/disabled" ];;
stop) kill -9 "$(cat "$here/pid")" 2>/dev/null || :; rm -f "$here/pid";;
esac
`;
const LOGINCTL = "#!/bin/sh\necho \"loginctl $*\" >> \"$(dirname \"$0\")/calls\"\n";

describe("an agent on a machine with systemd", function () {
    this.timeout(120_000);

    for (const supervisor of ["systemd-system", "systemd-user"] as const) {
        it(`has a unit of ${supervisor.slice(8)} that systemd-analyze accepts`, () => {
            const folder = fs.mkdtempSync(path.join(os.tmpdir(), "unit-"));
            fs.writeFileSync(path.join(folder, "run"), "#!/bin/sh\n");
            const file = path.join(folder, unitName(folder));
            const verify = (text: string) => {
                fs.writeFileSync(file, text);
                return spawnSync("systemd-analyze", ["verify", "--man=no", supervisor === "systemd-user" ? "--user" : "--system", file], { encoding: "utf8", env: { ...process.env, XDG_RUNTIME_DIR: folder } });
            };
            const text = unitText("field", folder, supervisor);
            const good = verify(text);
            assert.deepEqual([good.status, good.stderr], [0, ""]);
            // It would say so.
            assert.match(verify(text.replace("KillMode=process", "KillMod=process")).stderr, /KillMod/);
            fs.rmSync(folder, { recursive: true });
        });
    }

    it("is a unit of the account, restarted to be replaced, and removed without a trace", async () => {
        const host = await new SshHost({ programs: { systemctl: SYSTEMCTL, loginctl: LOGINCTL } }).start();
        const ssh = host.ssh() as SshSettings;
        introduceHosts({ ssh }, true);
        let left: string[] = [];
        const calls = () => fs.readFileSync(path.join(host.folder, "bin", "calls"), "utf8").trim().split("\n");
        try {
            const request = { node: "n", deployment: "00112233445566778899aabbccddeeff", listenAddress: host.address };
            const about = await startRemoteAgent(authorityOf(ssh), request);
            const place = parseLocation(about.folder)!;
            const unit = unitName(place.folder);
            const units = path.join(host.folder, "c", "systemd", "user");
            assert.deepEqual(fs.readdirSync(units), [unit]);
            assert.equal(fs.readFileSync(path.join(units, unit), "utf8"), unitText("n", place.folder, "systemd-user"));
            assert.deepEqual(calls().filter((call) => call.includes(unit)), [`--user enable ${unit}`, `--user restart ${unit}`]);
            assert.ok(calls().includes("loginctl enable-linger"), "it outlives the session");
            // What runs is left alone.
            assert.deepEqual(await startRemoteAgent(authorityOf(ssh), { ...request, folder: about.folder, port: about.eventAddress.port }), about);
            // Somebody has disabled the unit, so that a restart of the machine would end the node.
            fs.writeFileSync(path.join(host.folder, "bin", "disabled"), "");
            assert.equal((await runningRemoteAgent(place, "native"))?.unattended, "its unit is disabled");
            const again = await startRemoteAgent(authorityOf(ssh), { ...request, folder: about.folder, port: about.eventAddress.port });
            assert.notEqual((again as { pid?: number }).pid, (about as { pid?: number }).pid);
            assert.equal((await runningRemoteAgent(place, "native"))?.unattended, undefined);
            const before = calls().length;
            await endRemoteAgent(place);
            assert.ok(await remoteAgentGone(place));
            assert.deepEqual(calls().slice(before).filter((call) => call.includes(unit)), [`--user stop ${unit}`, `--user disable ${unit}`]);
            assert.deepEqual([fs.readdirSync(units), fs.existsSync(host.nodes)], [[], false]);
            await endRemoteAgent(place);
        } finally {
            await closeConnections();
            left = await host.remove();
        }
        assert.deepEqual(left, [], "nothing runs any more");
    });

    it("refuses a program that did not arrive as it was sent", async () => {
        // A gzip that spoils what it unpacks.
        const gzip = `#!/bin/sh\n${execFileSync("sh", ["-c", "command -v gzip"], { encoding: "utf8" }).trim()} "$@" | tr '\\000' '\\001'\n`;
        const host = await new SshHost({ programs: { gzip } }).start();
        const ssh = host.ssh() as SshSettings;
        introduceHosts({ ssh }, true);
        await assert.rejects(startRemoteAgent(authorityOf(ssh), { node: "n", deployment: "00112233445566778899aabbccddeeff", listenAddress: host.address }),
            (error: Error) => /^AE-SSH-COMMAND: cannot install and start the agent of node "n" at .*authentic-agent arrived with SHA-256 [0-9a-f]{64} instead of [0-9a-f]{64}/.test(error.message));
        assert.equal(fs.existsSync(host.nodes), false, "nothing is left behind");
        await closeConnections();
        await host.remove();
    });
});
