// Keying a connection: sessions with both ends, one fresh key, both confirmations, then both activations.
import { randomBytes } from "node:crypto";
import { AuthenticError } from "../errors";
import { hex, isZero } from "../protocol/bytes";
import { KEY_LENGTH, keyId } from "../protocol/keys";
import { instanceId } from "../protocol/names";
import type { SetRecord } from "../protocol/records";
import { STATE } from "../protocol/status";
import { activate, configure, configureAtOnce, failed, openSession, PURPOSE, withRestarts, type Configured, type Session } from "./exchange";
import { atLeast, weaker } from "./facts";
import { withLocks } from "./lock";
import { countersFit, deliveryOf, planLink, suiteOf, type Earlier, type Plan } from "./plan";
import type { Assurance, Connected, ConnectOptions, Deployer, EndFacts, Link } from "./session";

/** The lock of an instance. */
export const lockName = (deployer: Deployer, end: { readonly name: string }): string => hex(instanceId(deployer.deployment, end.name));

/** Refuses to key a module that cannot use the key. */
export function requireUsable(session: Session): void {
    const { state } = session.status;
    if (state === STATE.failed) throw failed(session.end.name);
    if (state === STATE.prepared || state === STATE.released) {
        throw new AuthenticError("AE-SESSION-HANDOVER", `module ${session.end.name} is handing its state over`, "run `pulumi up` on the module first, which completes or aborts the hand-over");
    }
}

function requireAssurance(session: Session, required: Assurance | undefined): void {
    const { assurance } = session.appraisal;
    if (required !== undefined && !atLeast(assurance, required)) {
        throw new AuthenticError("AE-SESSION-ASSURANCE", `module ${session.end.name} has assurance \`${assurance}\`, but the connection requires \`${required}\``, "place the module on a node with a stronger TEE, or lower `minAssurance` of the connection");
    }
}

const endFacts = ({ status, appraisal }: Session): EndFacts => ({ incarnation: hex(status.incarnation), assurance: appraisal.assurance, facts: appraisal.facts ?? {} });

interface Sessions {
    readonly from: Session;
    readonly to: Session;
}

/** Both sessions, in the order of the instance ids; the first end again where events went on between the two. */
async function openBoth(deployer: Deployer, link: Link): Promise<Sessions & { readonly earlier?: Earlier }> {
    const sides = (["from", "to"] as const).toSorted((x, y) => lockName(deployer, link[x].end).localeCompare(lockName(deployer, link[y].end)));
    const opened: Partial<Record<"from" | "to", Session>> = {};
    for (const side of sides) opened[side] = await openSession(deployer, link[side].end, PURPOSE.configure);
    const both = opened as Sessions;
    if (countersFit(link, both.from.status, both.to.status)) return both;
    const [side = "from"] = sides;
    return { ...both, [side]: await openSession(deployer, link[side].end, PURPOSE.configure), earlier: { side, status: both[side].status } };
}

/** A fresh key of a suite: 32 bytes, zero after its length. */
function drawKey(length: number): Uint8Array {
    const key = new Uint8Array(32);
    do key.set(randomBytes(length));
    while (isZero(key));
    return key;
}

/** Gives both ends a fresh key and activates it. The key is cleared before this returns. */
async function keyBoth(deployer: Deployer, link: Link, sessions: Sessions, plan: Extract<Plan, { kind: "key" }>): Promise<Uint8Array> {
    const suite = suiteOf(link);
    const key = drawKey(KEY_LENGTH[suite]);
    const confirmed: Configured[] = [];
    // The receiver first: it takes the old and the new epoch, so that nothing is refused in between.
    const order = ["to", "from"] as const;
    try {
        for (const side of order) {
            const record: SetRecord = {
                type: "set",
                connection: link.connection,
                endpoint: link[side].endpoint,
                delivery: deliveryOf(link),
                suite,
                window: link.window,
                epoch: plan.epoch,
                lastCounter: plan.lastCounter,
                key,
                ...plan[side],
            };
            confirmed.push(await configure(deployer, sessions[side], [record]));
        }
        for (const configured of confirmed) await activate(deployer, configured);
        return keyId(suite, key);
    } finally {
        key.fill(0);
        for (const { context } of confirmed) context.wipe();
    }
}

/**
 * Makes both ends of a connection hold one active key.
 *
 * @throws AuthenticError; the same call again completes what was interrupted
 */
export async function connect(deployer: Deployer, link: Link, options: ConnectOptions = {}): Promise<Connected> {
    if (link.from.end.name === link.to.end.name) {
        throw new AuthenticError("AE-SESSION-SELF", `connection ${link.name} joins module ${link.from.end.name} to itself`, "connect two different modules");
    }
    const step = async (): Promise<Connected | undefined> => {
        const sessions = await openBoth(deployer, link);
        for (const session of [sessions.from, sessions.to]) {
            requireUsable(session);
            requireAssurance(session, options.minAssurance);
        }
        const plan = planLink(link, sessions.from.status, sessions.to.status, options, sessions.earlier);
        if (plan.kind === "retire" || plan.kind === "forget") {
            await configureAtOnce(deployer, sessions[plan.end], [{ type: "close", connection: link.connection, retire: plan.kind === "retire" }]);
            return undefined;
        }
        const id = plan.kind === "unchanged" ? plan.keyId : await keyBoth(deployer, link, sessions, plan);
        return {
            outcome: plan.kind === "unchanged" ? "unchanged" : plan.outcome,
            epoch: plan.epoch.toString(),
            keyId: hex(id),
            assurance: weaker(sessions.from.appraisal.assurance, sessions.to.appraisal.assurance),
            from: endFacts(sessions.from),
            to: endFacts(sessions.to),
        };
    };
    return withLocks([lockName(deployer, link.from.end), lockName(deployer, link.to.end)], () =>
        withRestarts(async () => {
            // At most one end survives a restart, so one retirement precedes the keys; a third pass means another restart.
            for (let pass = 0; pass < 3; pass++) {
                const connected = await step();
                if (connected !== undefined) return connected;
            }
            throw new AuthenticError("AE-SESSION-RESTARTS", `the ends of connection ${link.name} keep restarting`, "see the logs of both modules for the reason, then run `pulumi up` again");
        }),
    );
}

