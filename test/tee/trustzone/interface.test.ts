// A board at a network interface, in a network namespace of its own: the bridge's frames are the interface's.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildBoardSoftware, writeBoardSoftware } from "../../../provider/tee/trustzone/firmware";
import { binary } from "./board";
import { BridgeClient, OPERATION } from "./bridge";
import { PhysicalBoard } from "./physical";

const INTERFACE = "board0";
const SCRIPT = `ip tuntap add dev ${INTERFACE} mode tap && ip link set ${INTERFACE} up || exit 1
bridge=$1 folder=$2
shift 2
"$@" &
exec "$bridge" --folder "$folder"`;

describe("A TrustZone board at a network interface", function () {
    this.timeout(120_000);
    const base = fs.mkdtempSync(path.join(os.tmpdir(), "interface-"));
    const board = new PhysicalBoard(["-netdev", `tap,id=link,ifname=${INTERFACE},script=no,downscript=no`]);
    let namespace: ChildProcess;
    let said = "";

    before(async () => {
        const software = await buildBoardSoftware();
        const folder = path.join(base, "trustzone");
        fs.mkdirSync(folder);
        await writeBoardSoftware(software, folder);
        fs.writeFileSync(path.join(folder, "device"), INTERFACE);
        await board.flash(software);
        // Everything in it ends with it.
        namespace = spawn("unshare", ["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", SCRIPT, "sh", binary(), folder, ...board.command()], { stdio: ["ignore", "ignore", "pipe"] });
        namespace.stderr!.on("data", (text: Buffer) => (said += text.toString()));
    });
    after(async () => {
        if (namespace.exitCode === null) {
            namespace.kill("SIGKILL");
            await once(namespace, "exit");
        }
        await board.dispose();
        fs.rmSync(base, { recursive: true });
    });

    it("answers, and loads what is larger than a frame", async () => {
        let bridge: BridgeClient | undefined;
        for (let tries = 0; tries < 600 && bridge === undefined; tries++) {
            assert.equal(namespace.exitCode, null, said);
            bridge = await BridgeClient.connect(base).catch(() => undefined);
            if (bridge === undefined) await sleep(100);
        }
        assert.ok(bridge, said);
        const { body } = await bridge.call(OPERATION.facts);
        assert.equal(body.subarray(130, 162).toString("hex"), Buffer.from((await buildBoardSoftware()).measurement).toString("hex"));
        // The firmware has got all of it, and refuses it for what it is.
        assert.equal((await bridge.call(OPERATION.load, 1000, 0, Buffer.alloc(50_000))).a, 3);
        bridge.close();
    });
});
