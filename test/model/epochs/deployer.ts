// The deployer's side of a connection: provider/session/connect.ts, message by message. What to do is decided by the
// provider's own `planLink` and `countersFit`; only the sending is modelled.
import { AuthenticError } from "../../../provider/errors";
import { DELIVERY, DIRECTION, FLAG, STATE, SUITE, type Status } from "../../../provider/protocol/status";
import { countersFit, planLink, type Earlier, type Plan } from "../../../provider/session/plan";
import type { ConnectOptions, End as SessionEnd, Link } from "../../../provider/session/session";
import { Violation } from "../explorer";
import { UNBOUNDED, type Keys, type SetRecord } from "./connection";
import type { Attested, Side, Up, World } from "./world";

/** Mistakes that a deployer could make. */
export interface DeployerFaults {
    /** Keeps keys, and gives a module that was restarted the one that its peer still uses: one key in two M3s. */
    readonly keepsKeys?: boolean;
    /** Keys the new incarnation without having stopped the survivor. */
    readonly keysWithoutRetiring?: boolean;
    /** Does not tell the survivor that its peer has lost its state. */
    readonly hidesReset?: boolean;
    /** Starts a new receiver behind what was sent, not behind what was acknowledged. */
    readonly skipsUnacknowledged?: boolean;
}

const CONNECTION = 7;
const ENDPOINT = { from: 1, to: 0 } as const;
const end = (name: string): SessionEnd => ({ name }) as unknown as SessionEnd;

/** The connection as it is declared. */
export const LINK: Omit<Link, "from" | "to"> = { connection: CONNECTION, name: "events", kind: "event", delivery: "strict", suite: "chacha20-poly1305", window: 2 };
const link: Link = { ...LINK, from: { end: end("sender"), endpoint: ENDPOINT.from }, to: { end: end("receiver"), endpoint: ENDPOINT.to } };

const keyId = (keys: Keys | null): Uint8Array => Uint8Array.of(keys?.id ?? 0, 0, 0, 0, 0, 0, 0, 0);

/** An attested status, as status.c writes it. */
function status(side: Side, c: Attested): Status {
    const connections = c === null ? [] : [{
        connection: CONNECTION, endpoint: ENDPOINT[side], direction: side === "from" ? DIRECTION.sender : DIRECTION.receiver, delivery: DELIVERY.strict, suite: SUITE.chacha20Poly1305,
        flags: (c.active ? FLAG.active : 0) | (c.pending === null ? 0 : FLAG.pending) | (c.retired ? FLAG.retired : 0) | (c.reset ? FLAG.reset : 0), window: link.window,
        epoch: BigInt(c.current?.epoch ?? 0), keyId: keyId(c.current), pendingEpoch: BigInt(c.pending?.epoch ?? 0), pendingKeyId: keyId(c.pending),
        next: BigInt(c.next), acknowledged: BigInt(c.acknowledged), gaps: 0n,
    }];
    return { state: c === null ? STATE.new : STATE.active, incarnation: new Uint8Array(16), generation: 0n, commandNext: 1n, kit: new Uint8Array(32), connections, grants: [] };
}

/** Whether the end that was asked first has to be asked again (connect.ts, `openBoth`). */
export const fits = (up: Up): boolean => countersFit(link, status("from", up.attested.from ?? null), status("to", up.attested.to ?? null));

/** What is sent first, and what is kept for later. */
export type Decision =
    | { readonly kind: "unchanged" }
    | { readonly kind: "retire" | "forget"; readonly end: Side }
    | { readonly kind: "key"; readonly to?: SetRecord; readonly from?: SetRecord };

/**
 * What an `up` does once it knows both ends.
 *
 * @param earlier - what the first end had attested, where it was asked again
 * @throws Violation where the provider finds a connection that cannot be continued
 */
export function decide(world: World, up: Up, earlier: Attested | undefined, faults: DeployerFaults): Decision {
    const [from, to] = [up.attested.from ?? null, up.attested.to ?? null];
    const options: ConnectOptions = { previouslyKeyed: world.keyedBefore, ...(up.rotate === null ? {} : { rotate: up.rotate }) };
    const before: Earlier | undefined = earlier === undefined ? undefined : { side: "from", status: status("from", earlier) };
    let plan: Plan;
    const lost = from === null ? "from" : "to";
    const survivor = from ?? to;
    if (faults.keepsKeys === true && (from === null) !== (to === null) && survivor !== null && survivor.current !== null) {
        const { current: { id: key, epoch }, next, acknowledged } = survivor;
        return { kind: "key", [lost]: { key, epoch, first: lost === "from" ? next : acknowledged + 1, last: UNBOUNDED, reset: false } };
    }
    try {
        plan = planLink(link, status("from", from), status("to", to), options, before);
        if (plan.kind === "retire" && faults.keysWithoutRetiring === true) {
            const stopped = (c: Attested): Attested => c && { ...c, active: false, retired: true };
            plan = planLink(link, status("from", plan.end === "from" ? stopped(from) : from), status("to", plan.end === "to" ? stopped(to) : to), options, before);
        }
    } catch (error) {
        if (error instanceof AuthenticError) throw new Violation(`the deployer can always continue the connection (${error.code})`);
        throw error;
    }
    if (plan.kind === "unchanged") return { kind: "unchanged" };
    if (plan.kind !== "key") return { kind: plan.kind, end: plan.end };
    const fresh = { key: world.oracle.drawn + 1, epoch: Number(plan.epoch) };
    const last = Number(plan.lastCounter) === 0 ? 0 : UNBOUNDED;
    const record = (side: Side, own: Attested): SetRecord => {
        const { firstCounter, reset } = plan[side];
        const first = side === "to" && faults.skipsUnacknowledged === true && own === null && from !== null ? from.next : Number(firstCounter);
        return { ...fresh, first, last, reset: reset && faults.hidesReset !== true };
    };
    return { kind: "key", to: record("to", to), from: record("from", from) };
}
