// The attacks of someone who owns the agents and the network. None of them reports success:
// whether one succeeded is for whoever watches the modules' outputs to say.
import * as net from "node:net";
import { call, connections } from "./agent";
import { Eavesdropper } from "./eavesdropper";
import { Frame, hello } from "./frames";
import { Interceptor } from "./interceptor";

/** What the attacker knows of the system, all of it visible to the owner of the agents. */
export interface Plan {
    deployment: string;
    /** The connection under attack, its two ends and their agents' control sockets. */
    connection: number;
    sender: { agent: string; instance: string };
    receiver: { agent: string; instance: string };
    /** Another connection into the receiver, for splicing. */
    spare?: number;
    /** Another instance, its agent and event address. */
    bystander?: { agent: string; instance: string; address: string };
    /** An entry whose calls make events flow: triggers are the agent's to fire. */
    traffic: { agent: string; instance: string; endpoint: number };
}

export interface Attack {
    /** What an outsider would see happen if it worked. */
    readonly goal: string;
    /** Does it and says what was done. */
    run(plan: Plan): Promise<string>;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Fires the plan's trigger until `done`, so that there are events to attack. */
async function during<T>(plan: Plan, work: () => Promise<T>): Promise<T> {
    let running = true;
    const pump = async () => {
        while (running) {
            await call(plan.traffic.agent, "POST", `/v1/instances/${plan.traffic.instance}/entries/${String(plan.traffic.endpoint)}`);
            await pause(40);
        }
    };
    const pumping = pump();
    try {
        return await work();
    } finally {
        running = false;
        await pumping;
    }
}

/** Runs `work` in the middle of the connection with events flowing, and lets the queue settle afterwards. */
async function intercepting(plan: Plan, work: (middle: Interceptor) => Promise<string>): Promise<string> {
    const middle = await Interceptor.start({ agent: plan.sender.agent, instance: plan.sender.instance, connection: plan.connection });
    try {
        return await during(plan, () => work(middle));
    } finally {
        await middle.stop();
    }
}

const replay: Attack = {
    goal: "an event is delivered twice",
    run: (plan) => intercepting(plan, async (middle) => {
        await middle.passed(4, 15);
        const recorded = middle.seen.slice(0, 3);
        for (const frame of recorded) middle.inject(frame);
        await middle.passed(3, 15);
        for (const frame of recorded) middle.inject(frame);
        await pause(300);
        return `sent ${String(recorded.length)} recorded events twice more`;
    }),
};

const reorder: Attack = {
    goal: "events are delivered in another order",
    run: (plan) => intercepting(plan, async (middle) => {
        await middle.passed(1, 15);
        const held: Frame[] = [];
        let swaps = 0;
        middle.tamper = (frame) => {
            if (swaps > 0) return [frame];
            held.push(frame);
            const distinct = new Set(held.map((one) => one.counter));
            if (distinct.size < 3) return [];
            swaps++;
            return [...held].reverse();
        };
        await middle.passed(6, 30);
        await pause(300);
        return `held ${String(held.length)} events back and sent the latest first`;
    }),
};

const drop: Attack = {
    goal: "a later event is delivered although an earlier one is missing",
    run: (plan) => intercepting(plan, async (middle) => {
        await middle.passed(2, 15);
        let victim: bigint | undefined;
        let dropped = 0;
        middle.tamper = (frame) => {
            victim ??= frame.counter;
            if (frame.counter !== victim) return [frame];
            dropped++;
            return [];
        };
        await middle.passed(6, 30);
        await pause(1500);
        middle.tamper = (frame) => [frame];
        return `kept one event from passing ${String(dropped)} times while later ones passed`;
    }),
};

const forge: Attack = {
    goal: "an event that no module sent is delivered",
    run: (plan) => intercepting(plan, async (middle) => {
        await middle.passed(2, 15);
        let forged = 0;
        middle.tamper = (frame) => {
            if (forged > 2) return [frame];
            forged++;
            return [frame.corrupted()];
        };
        await middle.passed(4, 30);
        const last = middle.seen.at(-1);
        if (last === undefined) throw new Error("no event passed");
        for (let ahead = 1n; ahead <= 3n; ahead++) middle.inject(last.with({ counter: last.counter + ahead }));
        await pause(300);
        return `changed ${String(forged)} events on their way and made up 3 more`;
    }),
};

const splice: Attack = {
    goal: "an event of one connection is delivered on another",
    run: (plan) => intercepting(plan, async (middle) => {
        if (plan.spare === undefined) throw new Error("the plan names no spare connection");
        await middle.passed(3, 15);
        const spare = (await connections(plan.receiver.agent, plan.receiver.instance)).get(plan.spare);
        if (spare === undefined) throw new Error(`the receiver has no connection ${String(plan.spare)}`);
        let tried = 0;
        for (const frame of middle.seen.slice(0, 8)) {
            for (const counter of [frame.counter, BigInt(spare.next)]) {
                middle.inject(frame.with({ connection: plan.spare, epoch: BigInt(spare.epoch), counter }));
                tried++;
            }
        }
        await pause(300);
        return `sent events of connection ${String(plan.connection)} as connection ${String(plan.spare)}, ${String(tried)} times`;
    }),
};

const oldEpoch: Attack = {
    goal: "an event sealed under a retired key is delivered",
    run: (plan) => intercepting(plan, async (middle) => {
        await middle.passed(3, 15);
        const recorded = middle.seen.slice(-3);
        const epoch = recorded[0]?.epoch ?? 0n;
        const current = async () => BigInt((await connections(plan.sender.agent, plan.sender.instance)).get(plan.connection)?.epoch ?? 0);
        for (let waited = 0; await current() === epoch; waited++) {
            if (waited > 6000) throw new Error("the connection was not rotated within ten minutes");
            await pause(100);
        }
        await pause(1000); // whoever rotated may also have put the route right
        await middle.resume();
        let newest: Frame | undefined;
        for (let tries = 0; newest === undefined; tries++) {
            if (tries > 400) throw new Error("no event of the new epoch passed"); // a window of the old one may come again first
            await middle.passed(1, 15);
            newest = middle.seen.findLast((frame) => frame.epoch !== epoch);
        }
        let tried = 0;
        for (const frame of recorded) {
            for (const sent of [frame, frame.with({ counter: newest.counter + 1n }), frame.with({ epoch: newest.epoch })]) {
                middle.inject(sent);
                tried++;
            }
        }
        await pause(300);
        return `sent events of epoch ${String(epoch)} again in epoch ${String(newest.epoch)}, ${String(tried)} times`;
    }),
};

const misdirect: Attack = {
    goal: "a message for one instance is obeyed by another",
    run: async (plan) => {
        const { bystander } = plan;
        if (bystander === undefined) throw new Error("the plan names no bystander");
        return intercepting(plan, async (middle) => {
            await middle.passed(3, 15);
            const colon = bystander.address.lastIndexOf(":");
            const socket = net.connect({ host: bystander.address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(bystander.address.slice(colon + 1)) });
            await new Promise<void>((resolve, reject) => { socket.once("connect", resolve); socket.once("error", reject); });
            socket.on("error", () => socket.destroy());
            socket.write(hello(plan.deployment, bystander.instance, plan.sender.instance));
            for (const frame of middle.seen) socket.write(frame.bytes);
            await pause(300);
            socket.destroy();
            return `sent ${String(middle.seen.length)} events of another instance to ${bystander.instance.slice(0, 8)}`;
        });
    },
};

const command: Attack = {
    goal: "a recorded command of the deployer is carried out again, or by another instance",
    run: async (plan) => {
        const ear = await Eavesdropper.start(plan.sender.agent);
        const { opening, message: heard } = await ear.heard("command", 30).finally(() => ear.stop());
        const answers: string[] = [];
        const targets = [{ agent: plan.sender.agent, instance: heard.instance }, ...(plan.bystander === undefined ? [] : [plan.bystander])];
        for (const target of targets) {
            for (const message of [heard, opening, heard]) {
                const answer = (await call(target.agent, "POST", `/v1/instances/${target.instance}/messages`, { type: message.type, body: message.body })) as { type: string; code?: number };
                answers.push(`${message.type} → ${answer.type}${answer.code === undefined ? "" : ` ${String(answer.code)}`}`);
            }
        }
        return `sent a recorded command again, alone and after its M1: ${answers.join(", ")}`;
    },
};

/** All attacks by name. */
export const attacks: Readonly<Record<string, Attack>> = { replay, reorder, drop, forge, splice, "old-epoch": oldEpoch, misdirect, command };
