// What is on its way while a module is updated: requests to it and its own, and as many and as large events as a connection
// takes. Modules that nobody touches say what arrived.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import * as ae from "../../resources";
import { Faults } from "./faults";
import { PRINT, published } from "./scene";
import { Stack } from "./stack";

/** Asks again and again, and tells what came of it: number, result, reply, its own version. */
const CLIENT = `${PRINT}
AUTHENTIC_STATE(uint64_t, asked, 1)
AUTHENTIC_REQUEST(question, 8, 16)
AUTHENTIC_OUTPUT(told, 40)
AUTHENTIC_ENTRY(work, 0) {
    uint64_t result[5] = {++asked, 0, 0, 0, VERSION};
    size_t replied;
    result[1] = (uint64_t)question(&asked, 8, &result[2], 16, &replied);
    told(result, sizeof result);
}
`;
/** Replies with how often it was asked, and its version. */
const HANDLER = `${PRINT}
AUTHENTIC_STATE(uint64_t, answered, 1)
AUTHENTIC_HANDLER(answer, 8, 16) {
    const uint64_t said[2] = {++answered, VERSION};
    memcpy(reply, said, sizeof said);
    return sizeof said;
}
`;
const WITNESS = `${PRINT}
AUTHENTIC_INPUT(hears, 40) {
    uint64_t numbers[5];
    memcpy(numbers, data, sizeof numbers);
    say("heard", numbers, 5);
}
`;
/** Events of SIZE bytes, BURST at once, whose bytes follow from their number. */
const SENDER = `${PRINT}
AUTHENTIC_STATE(uint64_t, sent, 1)
AUTHENTIC_OUTPUT_BURST(event, SIZE, BURST)
static uint8_t bytes[SIZE];
AUTHENTIC_ENTRY(work, 0) {
    for (int k = 0; k < BURST; k++) {
        uint64_t next = sent + 1;
        for (size_t i = 8; i < SIZE; i++) bytes[i] = (uint8_t)(next * 31 + i * 7);
        memcpy(bytes, &next, 8);
        if (event(bytes, SIZE) != AUTHENTIC_OK) return;
        sent = next;
    }
    const uint64_t numbers[2] = {sent, VERSION};
    say("sent", numbers, 2);
}
`;
const RECEIVER = `${PRINT}
AUTHENTIC_INPUT(event, SIZE) {
    uint64_t numbers[2] = {0, length == SIZE};
    memcpy(numbers, data, 8);
    for (size_t i = 8; i < length; i++) numbers[1] &= ((const uint8_t *)data)[i] == (uint8_t)(numbers[0] * 31 + i * 7);
    say("heard", numbers, 2);
}
`;

const MAX_TRIES = 3000;

describe("what is on its way while a module is updated", function () {
    this.timeout(240_000);
    let base: string;
    let stack: Stack;
    /** Module hosts that stand still. */
    const stopped = new Set<number>();

    before(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "in-flight-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "n");
        for (const [name, text] of Object.entries({ CLIENT, HANDLER, WITNESS, SENDER, RECEIVER })) fs.writeFileSync(path.join(base, `${name}.c`), text);
    });
    beforeEach(() => {
        stack = new Stack();
    });
    afterEach(async () => {
        goOn();
        await stack.destroy();
    });
    after(() => {
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true, force: true });
    });

    const of = (name: string) => path.join(base, `${name}.c`);
    const report = async (module: string) => {
        const { nodeFolder, instance } = stack.outs("Module", module) as { nodeFolder: string; instance: string };
        return await new AgentClient(nodeFolder).instance(instance) ?? assert.fail(`${module} is missing`);
    };
    /** The host of a module stands still until {@link goOn}. */
    const stop = async (module: string): Promise<void> => {
        const { pid } = await report(module);
        process.kill(pid!, "SIGSTOP");
        stopped.add(pid!);
    };
    const goOn = (): void => {
        for (const pid of stopped) process.kill(pid, "SIGCONT");
        stopped.clear();
    };
    const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
        for (let tries = 0; !await holds(); tries++) {
            if (tries > MAX_TRIES) assert.fail(`never: ${what}`);
            await sleep(20);
        }
    };
    /** Events of a module's connections that nobody has acknowledged. */
    const underWay = async (module: string, connection: string): Promise<number> => {
        const number = stack.outs("Connection", connection)["connection"];
        return Number((await report(module)).connections.find((one) => one.connection === number)?.queued ?? 0);
    };
    const heard = (module: string): number[][] => published(stack, module, "heard");

    describe("requests", () => {
        const program = ({ client = 1, handler = 1 }) => () => {
            const deployment = new ae.Deployment("d");
            const node = new ae.Node("a", { deployment, tee: "native" });
            const answers = new ae.Module("handler", { node, source: of("HANDLER"), defines: { VERSION: String(handler) } });
            const witness = new ae.Module("witness", { node, source: of("WITNESS") });
            const asks = new ae.Module("client", { node, source: of("CLIENT"), defines: { VERSION: String(client) } });
            const told = new ae.Connection("told", { from: asks.output("told"), to: witness.input("hears") });
            const question = new ae.Connection("question", { from: asks.request("question"), to: answers.handler("answer") });
            new ae.Trigger("work", { module: asks, entry: "work", every: "10ms" }, { dependsOn: [told, question] });
        };
        const more = async (count: number): Promise<void> => {
            const before = heard("witness").length;
            await until(`${count} more replies`, () => heard("witness").length >= before + count);
        };
        /** Each request was handled once, its reply heard once, all in order. */
        const isWhole = (): void => {
            const replies = heard("witness");
            for (const [index, [asked, result, answered]] of replies.entries()) assert.deepEqual([asked, result, answered], [index + 1, 0, index + 1]);
            console.log(`        ${replies.length} requests, each answered once`);
        };
        const versions = (which: 3 | 4): number[] => [...new Set(heard("witness").map((numbers) => numbers[which]!))];

        it("to a module that is updated are answered by its next instance, once", async () => {
            await stack.up(program({}));
            await more(20);
            let waited = 0;
            const faults = new Faults(stack.outs("Module", "handler")["instance"] as string, { at: "prepare", when: "after", victim: async () => {
                // It processes nothing any more: what is under way now was not answered.
                await until("a request waits", async () => await underWay("client", "question") === 1);
                await sleep(300);
                waited = heard("witness").length;
                assert.equal(await underWay("client", "question"), 1);
            } });
            faults.enter();
            try {
                await stack.up(program({ handler: 2 }));
            } finally {
                faults.leave();
            }
            assert.ok(faults.struck && waited > 0);
            await more(20);
            isWhole();
            assert.deepEqual(versions(3), [1, 2]);
            assert.deepEqual(heard("witness").slice(waited - 1, waited + 1).map((numbers) => numbers[3]), [1, 2], "the request that waited was answered by the next instance");
        });

        it("of a module that is updated are waited for, and where no reply comes it goes on and is updated later", async () => {
            await stack.up(program({}));
            await more(20);
            await stop("handler");
            await until("the client waits for a reply", async () => await underWay("client", "question") === 1);
            await assert.rejects(stack.up(program({ client: 2 })), /AE-HANDOVER-BUSY: module client is busy: it waits for the reply/);
            goOn();
            await more(20);
            assert.deepEqual(versions(4), [1]);
            // The reply comes while the deployer waits.
            await stop("handler");
            await until("the client waits for a reply", async () => await underWay("client", "question") === 1);
            let struck = 0;
            const faults = new Faults(stack.outs("Module", "client")["instance"] as string, { at: "prepare", when: "after", victim: () => {
                struck++;
                goOn();
                return Promise.resolve();
            } });
            faults.enter();
            try {
                await stack.up(program({ client: 3 }));
            } finally {
                faults.leave();
            }
            assert.ok(struck === 1 && faults.steps.filter((name) => name === "prepare").length > 1, "Prepare was refused at first");
            await more(20);
            isWhole();
            assert.deepEqual(versions(4), [1, 3]);
        });
    });

    for (const { name, size, window, burst } of [
        { name: "1024 events of 8 bytes", size: 8, window: 1024, burst: 16 },
        { name: "64 events of 64 KiB", size: 65_536, window: 64, burst: 4 },
    ]) {
        it(`${name}, a full window, arrive once and in order after the update of their sender`, async () => {
            const program = (VERSION: string) => () => {
                const deployment = new ae.Deployment("d");
                const node = new ae.Node("a", { deployment, tee: "native" });
                const receiver = new ae.Module("receiver", { node, source: of("RECEIVER"), defines: { SIZE: String(size) } });
                const sender = new ae.Module("sender", { node, source: of("SENDER"), defines: { SIZE: String(size), BURST: String(burst), VERSION } });
                const events = new ae.Connection("events", { from: sender.output("event"), to: receiver.input("event"), window });
                new ae.Trigger("work", { module: sender, entry: "work", every: "10ms" }, { dependsOn: [events] });
            };
            await stack.up(program("1"));
            await until("events arrive", () => heard("receiver").length > 20);
            await stop("receiver");
            await until("the window is full", async () => await underWay("sender", "events") === window);
            const before = heard("receiver").length;
            let full = 0;
            const faults = new Faults(stack.outs("Module", "sender")["instance"] as string, { at: "promote", when: "before", victim: async () => {
                const { nodeFolder, instance } = stack.outs("Module", "sender") as { nodeFolder: string; instance: string };
                const next = await new AgentClient(nodeFolder).instance(`${instance}.successor`);
                full = next?.connections.reduce((sum, { queued }) => sum + Number(queued), 0) ?? 0;
                assert.equal(heard("receiver").length, before, "nothing has arrived meanwhile");
                goOn();
            } });
            faults.enter();
            try {
                await stack.up(program("2"));
            } finally {
                faults.leave();
            }
            assert.equal(full, window, "the next instance has the whole window");
            await until("more events of the next instance arrive", () => heard("receiver").length > before + 2 * window);
            await new AgentClient(stack.outs("Module", "sender")["nodeFolder"] as string).removeTrigger(stack.outs("Module", "sender")["instance"] as string, "work");
            const sent = () => published(stack, "sender", "sent").at(-1)!;
            await until("all have arrived", () => heard("receiver").length >= sent()[0]!);
            assert.equal(sent()[1], 2);
            const arrived = heard("receiver");
            assert.deepEqual(arrived, Array.from({ length: sent()[0]! }, (_, index) => [index + 1, 1]), "each once, in order and as it was sent");
            console.log(`        ${arrived.length} events of ${size} bytes sent, each heard once`);
        });
    }
});
