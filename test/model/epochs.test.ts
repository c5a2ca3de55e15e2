// Connection epochs, in every interleaving of a small configuration: rotation, activation by message or by data, drained
// and compromised epochs, acks, retransmission, crashes of either end, killed and competing deployers.
import assert from "node:assert/strict";
import { describeTrace, explore, type Exploration } from "./explorer";
import { epochModel, type Faults } from "./epochs/steps";
import type { Budget, World } from "./epochs/world";

const BUDGET: Budget = { events: 2, rotations: 1, compromise: false, crashes: 0, interruptions: 0, deployers: 1 };
const LIMIT = 400_000;

interface Configuration {
    readonly name: string;
    readonly budget: Partial<Budget>;
    /** What it must at least have: far fewer states would mean that the model does not do what it says. */
    readonly states: number;
}

const CONFIGURATIONS: readonly Configuration[] = [
    { name: "a rotation, for compromise too, with a crash and an interruption", budget: { compromise: true, crashes: 1, interruptions: 1 }, states: 50_000 },
    { name: "two rotations, interrupted once", budget: { rotations: 2, interruptions: 1 }, states: 14_000 },
    { name: "two crashes among three events, and an interruption", budget: { events: 3, rotations: 0, crashes: 2, interruptions: 1 }, states: 25_000 },
    { name: "two deployers at once", budget: { events: 1, compromise: true, interruptions: 1, deployers: 2 }, states: 25_000 },
    { name: "two deployers at once, and a crash", budget: { events: 1, rotations: 0, crashes: 1, interruptions: 1, deployers: 2 }, states: 14_000 },
    { name: "a host of the attacker, who gives back and sends what he likes", budget: { compromise: true, crashes: 1, hostileHost: true }, states: 20_000 },
    { name: "a host that lets messages overtake frames it gives back", budget: { rotations: 2, messagesOvertake: true }, states: 2_000 },
];

interface Seeded {
    readonly fault: Faults;
    /** Of one of the configurations above, where it is found soonest: without the fault they hold. */
    readonly budget: Partial<Budget>;
    /** The property that does not hold any more. */
    readonly property: string;
    /** What its shortest counterexample must show, in this order. */
    readonly trace: readonly RegExp[];
}

const ROTATION = [/begins to rotate/, /takes a key of epoch 2/];
const SEEDED: readonly Seeded[] = [
    {
        fault: { receiverForgetsEpoch: true }, budget: {}, property: "an interrupted rotation never stops the events",
        trace: [...ROTATION, /the receiver takes its activation/, /emits an event$/],
    },
    { fault: { senderForgetsFrames: true }, budget: { crashes: 1 }, property: "an `up` can always make everything whole", trace: [/emits an event/, /the receiver crashes/] },
    {
        fault: { receiverKeepsEpoch: true }, budget: {}, property: "no epoch is accepted after a later one",
        trace: [...ROTATION, /delivers event 1 \(epoch 2/, /delivers event 2 \(epoch 1, counter 2\)$/],
    },
    {
        fault: { senderTakesLateAcks: true }, budget: { compromise: true }, property: "no event is acknowledged that was not processed",
        trace: [/rotate \(compromise\)/, /the sender takes its activation/, /forges the ack of 1 under the compromised epoch 1$/],
    },
    { fault: { receiverTakesGaps: true }, budget: {}, property: "no event is lost unless the loss is reported", trace: [/emits an event/, /emits an event/, /delivers event 2/] },
    {
        fault: { activatesWhileResealing: true }, budget: { rotations: 2, messagesOvertake: true }, property: "an `up` can always make everything whole",
        trace: [...ROTATION, /emits an event/, /the sender takes its activation/, /begins to rotate/, /the sender takes its activation$/],
    },
    {
        fault: { keepsKeys: true }, budget: { crashes: 1 }, property: "no counter is used twice under one key",
        trace: [/emits an event/, /the sender crashes/, /the sender takes a key of epoch 1/, /emits an event$/],
    },
    { fault: { keysWithoutRetiring: true }, budget: { crashes: 1, interruptions: 1 }, property: "the deployer can always continue the connection (AE-SESSION-COUNTERS)", trace: [/attests its table/, /sends its oldest frame/, /crashes/] },
    { fault: { hidesReset: true }, budget: { crashes: 1 }, property: "no event is lost unless the loss is reported", trace: [/emits an event/, /the sender crashes/, /the receiver takes its retirement/, /emits an event/] },
    { fault: { skipsUnacknowledged: true }, budget: { crashes: 1 }, property: "no event is lost unless the loss is reported", trace: [/emits an event/, /the receiver crashes/, /the sender takes its retirement/] },
];

/** Whether the lines of a trace match the expressions in their order. */
function shows(trace: string, expected: readonly RegExp[]): boolean {
    const lines = trace.split("\n");
    return expected.every((expression) => {
        const at = lines.findIndex((line) => expression.test(line));
        lines.splice(0, at + 1);
        return at >= 0;
    });
}

const failure = ({ violation }: Exploration<World>): string => (violation === undefined ? "" : `${violation.property}:\n${describeTrace(violation.trace)}`);

describe("connection epochs in every interleaving", function () {
    this.timeout(600_000);

    for (const { name, budget, states } of CONFIGURATIONS) {
        it(`hold with ${name}`, () => {
            const exploration = explore(epochModel({ ...BUDGET, ...budget }), { limit: LIMIT });
            assert.equal(exploration.violation, undefined, failure(exploration));
            console.log(`        ${exploration.states} states, ${exploration.transitions} transitions, ${exploration.depth} steps deep`);
            assert.ok(exploration.states > states, `only ${exploration.states} states`);
        });
    }

    for (const { fault, budget, property, trace } of SEEDED) {
        const [name = ""] = Object.keys(fault);
        it(`do not hold with the fault ${name}`, () => {
            const exploration = explore(epochModel({ ...BUDGET, ...budget }, fault), { limit: LIMIT });
            const found = exploration.violation ?? assert.fail("nothing was found");
            assert.equal(found.property, property);
            const described = describeTrace(found.trace);
            assert.ok(shows(described, trace), described);
        });
    }
});
