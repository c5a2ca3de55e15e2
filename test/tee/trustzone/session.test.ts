// Sessions and events of a board with the real provider and the kit as it runs on servers: a native module at one end, the
// board at the other; requests, devices, rotation with frames under way, and the limits of a board.
import assert from "node:assert/strict";
import { decodeFrameBody } from "../../../provider/protocol/frame";
import { instanceId } from "../../../provider/protocol/names";
import { publicKeyOf } from "../../../provider/protocol/signature";
import type { End, Link } from "../../../provider/session/session";
import { ENDPOINT } from "../../kit/deployment";
import { bodies, KitProcess, OUT, OUTCOME, refusals } from "../../kit/kit-process";
import { Board, type Loaded } from "./board";

const CONNECTION = { set: 7, ask: 8 } as const;
const LED = "led5";

describe("A module on a TrustZone board in a session", function () {
    this.timeout(240_000);
    let board: Board;
    let valve: Loaded;
    let server: KitProcess;

    const serverEnd = (): End => ({
        name: "server", measurement: new Uint8Array(32).fill(0x11), backend: "none", policyHash: new Uint8Array(32), appraise: async () => ({ assurance: "none" }),
        channel: { send: (type, body) => server.send(type, body) },
    });
    const link = (): Link => ({
        connection: CONNECTION.set, name: "set", kind: "event", delivery: "strict", suite: "chacha20-poly1305", window: 4,
        from: { end: serverEnd(), endpoint: ENDPOINT.output }, to: { end: valve.end, endpoint: valve.endpoint("set") },
    });
    /** Events that the server has sealed and that are not acknowledged. */
    const emit = async (count: number): Promise<Buffer[]> => {
        const frames: Buffer[] = [];
        for (let i = 0; i < count; i++) frames.push(...bodies(await server.trigger(ENDPOINT.entry), OUT.frame));
        return frames;
    };

    before(async () => {
        board = await Board.start();
        valve = await board.load("valve", "counter.c", { devices: { tap: LED } });
        const { deployment, secretKey } = board.deployer;
        server = await KitProcess.start({ deployment, instance: instanceId(deployment, "server"), deployerKey: publicKeyOf(secretKey), measurement: new Uint8Array(32).fill(0x11) });
    });
    after(async () => {
        await server.stop();
        await board.stop();
    });

    it("is keyed and activated together with a native module", async () => {
        const connected = await board.driver.connect(link());
        assert.equal(connected.outcome, "keyed");
        const { status } = await board.driver.attest(valve.end);
        assert.equal(status.state, "active");
        assert.deepEqual(status.connections.map(({ connection, active }) => [connection, active]), [[CONNECTION.set, true]]);
    });

    it("processes events in order, acknowledges them, and refuses what is old, altered or ahead", async () => {
        const [first, second, third] = await emit(3);
        assert.ok(first && second && third);
        assert.deepEqual(refusals(await valve.module.events(second)), [6], "a gap");
        const altered = Buffer.from(first);
        altered[altered.length - 1]! ^= 1;
        assert.deepEqual(refusals(await valve.module.events(altered)), [4], "another tag");
        const entry = await valve.module.events(first, second, third);
        const acks = bodies(entry, OUT.frame).map((frame) => decodeFrameBody(frame));
        assert.deepEqual(acks.map(({ counter }) => counter), [3n]);
        assert.deepEqual(refusals(await valve.module.events(first)), [5], "old");
        await server.answers(...bodies(entry, OUT.frame));
        assert.equal((await board.driver.attest(serverEnd())).status.connections[0]?.acknowledged, "3");
    });

    it("writes its peripheral only with the deployer's grant, and reads back what it has written", async () => {
        const shown = async (): Promise<number> => {
            const { data } = await board.driver.call({ end: valve.end, endpoint: valve.endpoint("show") }, new Uint8Array(0));
            assert.equal(data.length, 0);
            return (valve.module.records.filter(({ kind }) => kind === OUT.log).at(-1)?.body ?? Buffer.alloc(1)).toString() === "lit" ? 1 : 0;
        };
        assert.equal(await shown(), 0, "events before had no grant");
        await board.driver.setGrants(valve.end, [valve.endpoint("tap")]);
        const [event] = await emit(1);
        const entry = await valve.module.events(event!);
        assert.equal(bodies(entry, OUT.device).length, 1);
        assert.equal(await shown(), 1);
        await server.answers(...bodies(entry, OUT.frame));
    });

    it("loses nothing when keys rotate while frames are under way", async () => {
        const under = await emit(3);
        const before = await board.driver.connect(link());
        assert.equal(before.outcome, "unchanged");
        const rotating = board.driver.connect(link(), { rotate: "drain" });
        assert.equal((await rotating).outcome, "rotated");
        const resealed = bodies(await server.reseal(...under), OUT.frame);
        assert.equal(resealed.length, 3, "the sender seals again what was not acknowledged");
        assert.deepEqual(resealed.map((frame) => decodeFrameBody(frame).counter), under.map((frame) => decodeFrameBody(frame).counter));
        const entry = await valve.module.events(...resealed);
        assert.deepEqual(refusals(entry), []);
        await server.answers(...bodies(entry, OUT.frame));
        const { status } = await board.driver.attest(valve.end);
        assert.equal(status.connections[0]?.acknowledged, "7");
        assert.equal(status.connections[0].gaps, "0");
    });

    it("answers the deployer's requests, from its declared state", async () => {
        await board.driver.connectDeployer({ connection: 9, name: "report", to: { end: valve.end, endpoint: valve.endpoint("report") } });
        const { status, data } = await board.driver.request({ connection: 9, name: "report", to: { end: valve.end, endpoint: valve.endpoint("report") } }, new Uint8Array(0));
        assert.equal(status, "done");
        assert.equal(Buffer.from(data).readUInt32LE(0), 7, "events so far");
    });

    it("refuses a frame and a message that are longer than a board takes", async () => {
        const long = Buffer.alloc(6000, 1);
        assert.deepEqual(refusals(await valve.module.events(long)).length, 1);
        const { a } = await valve.module.bridge.call(2, 69_632, 0, Buffer.alloc(1));
        assert.notEqual(a, 0, "nor is anything written behind its window");
        assert.equal((await valve.module.run()).outcome, OUTCOME.idle);
    });
});
