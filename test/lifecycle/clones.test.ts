// What a host can make of copies: a second instance of the same image that is told everything the module was told, one in whose
// place another one answers, and an old instance that is kept alive. None of them becomes the module, unless the kit is weakened.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { AgentClient, type StartRequest } from "../../provider/agent/client";
import { driverOf, endOf } from "../../provider/lifecycle/ends";
import { successorOf } from "../../provider/lifecycle/identity";
import { real } from "../../provider/lifecycle/real";
import { setSurroundings, type Agent } from "../../provider/lifecycle/surroundings";
import type { Channel, MessageType, Reply, StatusFacts } from "../../provider/session/session";
import { LIVES_ON, weakenedKit, type Patch } from "../attacks/weakened";
import { Scene } from "./scene";

/** Everything that an agent sees, which is the attacker's: what instances are started from and what they are told. */
class Wiretap {
    readonly told: { readonly to: string; readonly type: MessageType; readonly body: Uint8Array; readonly reply: Reply["type"] }[] = [];
    started: StartRequest | undefined;
    /** What the attacker does when something is to be told, or done, to an instance. */
    meddle: (what: string, id: string) => Promise<void> = () => Promise.resolve();

    enter(): void {
        setSurroundings({ ...real, agent: async (folder) => this.tap(await real.agent(folder)) });
    }

    private tap(agent: Agent): Agent {
        return new Proxy(agent, {
            get: (target, name) => {
                const value: unknown = Reflect.get(target, name);
                if (typeof value !== "function") return value;
                return (...given: unknown[]) => {
                    const [id, request] = given as [string, StartRequest];
                    if (name === "start") this.started = request;
                    if (name === "channel") return this.listen(id, Reflect.apply(value, target, given) as Channel);
                    const call = () => Reflect.apply(value, target, given) as unknown;
                    return name === "promote" ? this.meddle("promote", id).then(call) : call();
                };
            },
        });
    }

    private listen(to: string, channel: Channel): Channel {
        return { send: async (type, body) => {
            await this.meddle(type, to);
            const reply = await channel.send(type, body);
            this.told.push({ to, type, body, reply: reply.type });
            return reply;
        } };
    }
}

/** Without numbers that nobody can know, each instance of an image is every other one. */
const PREDICTABLE: readonly Patch[] = [{
    file: "ports/x86_64/processor.h",
    from: "__asm__ volatile(\"rdrand %0\" : \"=r\"(value), \"=@ccc\"(valid) : : \"cc\");",
    to: "value = 0x9E3779B97F4A7C15u * (done + 1), valid = true;",
}];

describe("a host that clones instances", function () {
    this.timeout(300_000);
    let scene: Scene;
    let tap: Wiretap;

    /** A scene whose module is updated under the attacker's eyes. */
    const begin = async (patches: readonly Patch[]): Promise<{ end: () => Promise<void> }> => {
        const kit = patches.length === 0 ? undefined : weakenedKit(patches);
        if (kit !== undefined) process.env["AUTHENTIC_KIT"] = kit.folder;
        scene = new Scene();
        tap = new Wiretap();
        await scene.up({ version: 1 });
        await scene.load().reaches(10);
        tap.enter();
        return { end: async () => {
            setSurroundings(undefined);
            await scene.end();
            delete process.env["AUTHENTIC_KIT"];
            kit?.remove();
        } };
    };

    /** What an instance attests; its measurement is the one of the state's program, or of the one before. */
    const attest = async (node: string, measurement: unknown, successor = false): Promise<StatusFacts> => {
        const module = scene.stack.outs("Module", "worker") as unknown as Parameters<typeof endOf>[1] & Parameters<typeof endOf>[0];
        const end = await endOf({ ...module, module: "worker", nodeFolder: node, measurement: measurement as string, successor }, module);
        return (await (await driverOf(module)).attest(end)).status;
    };
    const measurement = (): unknown => scene.stack.outs("Module", "worker")["measurement"];
    const keys = ({ connections }: StatusFacts): string[] => connections.map(({ connection, keyId }) => `${connection} ${keyId}`).sort();

    /** Clones the module on the other node. @returns whether it has got keys that the module has, or had */
    const cloned = async (patches: readonly Patch[]): Promise<boolean> => {
        const { end } = await begin(patches);
        try {
            const instance = scene.instance("worker");
            const folder = path.join(scene.folder("worker"), "instances");
            const records = path.join(scene.base, "records");
            const handedOver = keys(await attest(scene.folder("worker"), measurement()));
            // What the agents keep of the hand-over, for which the attacker need not even listen.
            tap.meddle = async (what, id) => {
                if (what !== "promote") return;
                for (const [name, slot] of [["old", id], ["next", successorOf(id)]] as const) fs.cpSync(path.join(folder, slot, "hand-over"), path.join(records, name), { recursive: true });
            };
            await scene.up({ version: 2 });
            assert.ok(handedOver.length > 0 && tap.started !== undefined);

            const there = new AgentClient(scene.folder("sink"));
            await there.start(instance, tap.started);
            const record = (name: string) => fs.readFileSync(path.join(records, name));
            const kept: Partial<Record<MessageType, Uint8Array>> = { offer: record("next/offer"), accept: Buffer.concat([record("old/release"), record("old/released")]) };
            const next = tap.told.filter(({ to }) => to === successorOf(instance)).map((message) => ({ ...message, body: kept[message.type] ?? message.body }));
            assert.deepEqual(["m1", "offer", "accept"].filter((type) => !next.some((message) => message.type === type && message.reply !== "refused")), [], "what the module was told");
            for (const { type, body } of next) await there.channel(instance).send(type, body);
            const status = await attest(scene.folder("sink"), measurement());
            return status.state === "active" && keys(status).some((key) => handedOver.includes(key));
        } finally {
            await end();
        }
    };

    it("cannot make one of them the module too, by telling it what the module was told", async () => assert.equal(await cloned([]), false));
    it("could, if instances drew no numbers of their own", async () => assert.equal(await cloned(PREDICTABLE), true));

    /** Keeps the old instance until it can be asked. @returns whether it still has its keys beside the new one */
    const survives = async (patches: readonly Patch[]): Promise<boolean> => {
        const { end } = await begin(patches);
        try {
            const before = measurement();
            const seen: StatusFacts[] = [];
            tap.meddle = async (what) => {
                if (what !== "promote") return;
                const prepare = tap.told.find(({ type }) => type === "prepare")?.body ?? assert.fail();
                const module = scene.stack.outs("Module", "worker") as unknown as Parameters<typeof driverOf>[0];
                seen.push(await attest(scene.folder("worker"), before), await attest(scene.folder("worker"), (await driverOf(module)).intendedTarget({ prepare })?.measurement, true));
            };
            await scene.up({ version: 2 });
            const [was, is] = seen;
            assert.ok(was !== undefined && is?.state === "active" && keys(is).length > 0);
            return was.state !== "released" && keys(was).join() === keys(is).join();
        } finally {
            await end();
        }
    };

    it("has nothing of an old instance that it keeps alive", async () => assert.equal(await survives([]), false));
    it("would have a second module, if a release changed nothing", async () => assert.equal(await survives(LIVES_ON), true));

    it("cannot have one copy attested and another one take the state: the module goes on as it was", async () => {
        const { end } = await begin([]);
        try {
            const load = scene.load();
            let swapped = 0;
            tap.meddle = async (what, id) => {
                if (what !== "offer") return;
                swapped++;
                const agent = new AgentClient(scene.folder("worker"));
                await agent.remove(id);
                await agent.start(id, tap.started!);
            };
            await assert.rejects(scene.up({ version: 2 }), /AE-[A-Z]+-[A-Z]+/);
            assert.ok(swapped > 0);
            await load.goesOn(10);
            tap.meddle = () => Promise.resolve();
            await scene.up({ version: 2 });
            await load.goesOn(10);
            await load.stopped();
            scene.isWhole([1, 2]);
        } finally {
            await end();
        }
    });

    it("that exchanges the module for a fresh copy of it has it reported as lost", async () => {
        const { end } = await begin([]);
        try {
            const agent = new AgentClient(scene.folder("worker"));
            await scene.up({ version: 2 });
            await agent.remove(scene.instance("worker"));
            await agent.start(scene.instance("worker"), tap.started!);
            assert.deepEqual((await scene.stack.refresh()).filter((found) => found.startsWith("worker")), ["worker: restarted"]);
            await assert.rejects(scene.preview({ version: 2 }), /onStateLoss/);
            await scene.up({ version: 2, onStateLoss: "restart" });
            await scene.load().goesOn(10);
        } finally {
            await end();
        }
    });
});
