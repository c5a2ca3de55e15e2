// Update and migration of a module: the next instance is started beside the old one, which hands over to it. An interrupted
// succession is continued from what both attest; the old instance alone decides which of the two is the module. Another
// deployer may be at work at the same time: whatever is ended or promoted is what was looked at, or else one looks again.

import { AuthenticError } from "../errors";
import type { Attested, End, HandOverStatus } from "../session/session";
import { withLocks } from "../session/lock";
import { driverOf, endOf, teeOf } from "./ends";
import { successorOf } from "./identity";
import { digestOf, startRequest, stateWithReason } from "./instance";
import type { ModuleInputs, ModuleOutputs } from "./module-state";
import { pick } from "./change";
import { isSilence, observe } from "./observe";
import { type Agent, type InstanceReport, surroundings } from "./surroundings";

/** What became of the module's state. */
export type Succession = { readonly kept: true } | { readonly kept: false; readonly reason: string };

const KEPT: Succession = { kept: true };
const lost = (reason: string): Succession => ({ kept: false, reason });

/** Steps from one state to the next that a succession takes at most, with another one to finish first. */
const MAX_STEPS = 8;

/** An instance that runs, and what it attests. */
interface Seen {
    readonly end: End;
    readonly attested: Attested;
}

/** Whether an agent did nothing, because an instance is no longer what was looked at. */
const hasChanged = (error: unknown): boolean => error instanceof AuthenticError && (error.code === "AE-AGENT-CHANGED" || error.code === "AE-AGENT-UNKNOWN");

/** A version begins with its process; what follows is what has happened to that. */
const sameProcess = (a: string, b: string): boolean => a.split("-")[0] === b.split("-")[0];

/** One module's succession. */
class Heir {
    private readonly successor: string;
    private readonly digest: string;
    /** The old instance when it was looked at last. */
    private looked: InstanceReport | undefined;

    constructor(private olds: ModuleOutputs, private readonly news: ModuleInputs, private readonly instance: string, private readonly image: Uint8Array) {
        this.successor = successorOf(instance);
        this.digest = digestOf(image);
    }

    /** The next step; undefined where another one follows. */
    async step(): Promise<Succession | undefined> {
        const { olds, news, instance } = this;
        const there = await (await surroundings()).agent(news.nodeFolder);
        const old = await observe(olds.nodeFolder, async (agent) => await agent.instance(instance) ?? "missing");
        this.looked = typeof old === "string" ? undefined : old;
        if (olds.nodeFolder !== news.nodeFolder) {
            const arrived = await this.arrived(there, old);
            if (arrived !== undefined) return arrived;
        }
        // Before the old one is asked: one that it does not hand over to then never gets its keys, as long as it is this version.
        const next = await there.instance(this.successor);
        if (typeof old === "string" || old.state !== "running") {
            return this.orphan(there, next, typeof old === "string" ? old : stateWithReason(old));
        }
        const source = await this.seeOld(old);
        switch (source.attested.status.state) {
            case "new":
            case "active":
                return this.begin(there, source, old, next);
            case "prepared":
                await (await driverOf(news)).abortHandOver(source.end);
                return undefined;
            case "released":
                return this.finish(there, next, source);
            case "offered":
            case "failed":
                return lost(`the module has ${source.attested.status.state === "failed" ? "failed" : "never taken over"}`);
        }
    }

    /** After a migration: the next instance is in its place already, if it came from the old one. */
    private async arrived(there: Agent, old: InstanceReport | string): Promise<Succession | undefined> {
        const main = await there.instance(this.instance);
        if (main === undefined) return undefined;
        if (main.state === "running" && main.imageDigest === this.digest) {
            const { attested: { status } } = await this.see(this.news, this.news.measurement, false);
            if (status.state === "active" && status.handOver !== undefined && await this.cameFrom(there, status.handOver, old)) {
                await this.endOld();
                return KEPT;
            }
        }
        // Nobody handed anything over to it, or another one began anew since: the one on the old node is the module.
        await this.unchanged(there.remove(this.instance, main.version));
        return undefined;
    }

    /** Whether a hand-over was from the old instance: it says so itself; where it cannot, what the deployer has signed names the incarnation in state. */
    private async cameFrom(there: Agent, { h }: HandOverStatus, old: InstanceReport | string): Promise<boolean> {
        if (typeof old === "string") return true;
        if (old.state === "running") {
            const { status } = (await this.seeOld(old)).attested;
            return status.state === "released" && status.handOver?.h === h;
        }
        const { offer } = await there.handOver(this.instance);
        const meant = offer === undefined ? undefined : (await driverOf(this.news)).intendedTarget({ offer });
        return meant?.h === h && meant.from === this.olds.incarnation;
    }

    /** The old instance lives: it hands over, unless it is the new one already. */
    private async begin(there: Agent, source: Seen, old: InstanceReport, next: InstanceReport | undefined): Promise<Succession | undefined> {
        const { olds, news, instance, successor } = this;
        // What waits there was never handed over to: only the old instance can do so, and it lives.
        if (next !== undefined && !await this.unchanged(there.remove(successor, next.version))) return undefined;
        const driver = await driverOf(news);
        if (olds.nodeFolder === news.nodeFolder && old.imageDigest === this.digest && source.attested.status.handOver !== undefined && source.attested.status.incarnation !== olds.incarnation) {
            return KEPT;
        }
        const { version } = await there.start(successor, startRequest(news, this.image));
        try {
            const from = await (await surroundings()).agent(olds.nodeFolder);
            await driver.handOver({
                old: source.end, next: await this.endOf(news, news.measurement, true),
                carry: async () => {
                    for (const { connection, route } of old.connections) if (route) await there.setRoute(successor, connection, route);
                    await there.putFrames(successor, await from.frames(instance));
                },
            });
        } catch (error) {
            await this.undo(there, source, version).catch((undoing: unknown) => {
                console.warn(`module "${news.name}": ${undoing instanceof Error ? undoing.message : String(undoing)}. The next \`pulumi up\` continues here.`);
            });
            throw error;
        }
        return this.promote(there, version);
    }

    /** After a failure: an old instance that can go on does, and what was started for it goes. Else the next `up` continues. */
    private async undo(there: Agent, source: Seen, started: string): Promise<void> {
        const driver = await driverOf(this.news);
        const next = await there.instance(this.successor);
        await driver.abortHandOver(source.end);
        const { status } = await driver.attest(source.end);
        const lives = status.state === "active" || status.state === "new";
        if (lives && next !== undefined && sameProcess(next.version, started)) await this.unchanged(there.remove(this.successor, next.version));
    }

    /** @returns whether it was done; not where the instance is no longer what was looked at */
    private async unchanged(action: Promise<void>): Promise<boolean> {
        try {
            await action;
            return true;
        } catch (error) {
            if (hasChanged(error)) return false;
            throw error;
        }
    }

    /** Whether another deployer has done something to the old instance since this one looked at it. */
    async moved(): Promise<boolean> {
        const now = await observe(this.olds.nodeFolder, async (agent) => await agent.instance(this.instance) ?? "missing").catch(() => "silent" as const);
        return typeof now !== "string" && this.looked !== undefined && !sameProcess(now.version, this.looked.version);
    }

    /** The old instance has released its keys: the next one gets them, or has them. */
    private async finish(there: Agent, next: InstanceReport | undefined, source: Seen): Promise<Succession | undefined> {
        const released = source.attested.status.handOver;
        if (next?.state !== "running") return lost("the instance that was to take the module's state over is gone");
        const target = await this.seeNext(next, { old: true });
        const { state, handOver } = target.attested.status;
        if (released === undefined || handOver?.h !== released.h || handOver.targetHash !== released.targetHash) return lost("the instance that was to take the module's state over was restarted");
        if (state === "offered") await (await driverOf(this.news)).completeHandOver(target.end, handOver, { old: source.end });
        else if (state !== "active") return lost(`the instance that took the module's state over is ${state}`);
        return this.promote(there, next.version);
    }

    /** The old instance is gone: the next one is the module if it has the keys, or if somebody has kept them for it. */
    private async orphan(there: Agent, next: InstanceReport | undefined, why: string): Promise<Succession | undefined> {
        const reason = `the module's old instance is ${why}`;
        if (next?.state !== "running") return lost(reason);
        const { end, attested: { status } } = await this.seeNext(next, { old: why !== "missing" && why !== "stopped" });
        if (status.handOver === undefined) return lost(reason);
        if (status.state === "offered") {
            const record = why === "missing" || why === "stopped" ? {} : await (await (await surroundings()).agent(this.olds.nodeFolder)).handOver(this.instance);
            if (record.released === undefined) return lost(`${reason}, and has not released its state`);
            await (await driverOf(this.news)).completeHandOver(end, status.handOver, { released: record.released });
        } else if (status.state !== "active") {
            return lost(`${reason}, and its next one has ${status.state}`);
        }
        return this.promote(there, next.version);
    }

    /** The next instance takes the place. One of another image was planned when it was interrupted, and hands over in turn. */
    private async promote(there: Agent, seen: string): Promise<Succession | undefined> {
        const next = await there.instance(this.successor);
        if (next === undefined || !sameProcess(next.version, seen) || !await this.unchanged(there.promote(this.instance, next.version))) return undefined;
        if (this.olds.nodeFolder !== this.news.nodeFolder) await this.endOld();
        if (next.imageDigest === this.digest) return KEPT;
        this.olds = { ...this.olds, ...pick(this.news, ["nodeName", "nodeFolder", "tee", "backend", "platform", "signer"]) };
        return undefined;
    }

    /** After a migration: what the old instance was, without keys, is ended. */
    private async endOld(): Promise<void> {
        const { nodeFolder, nodeName } = this.olds;
        if (await observe(nodeFolder, (agent) => agent.remove(this.instance)) !== "stopped") return;
        console.warn(`module "${this.news.name}": the agent of node "${nodeName}" has ended. An instance without keys may be left there until the module comes back to the node, or the node is deleted.`);
    }

    /** The old instance. After an update that nobody recorded it is one that the deployer once handed over to. */
    private async seeOld(old: InstanceReport): Promise<Seen> {
        if (old.imageDigest === this.olds.imageDigest) return this.see(this.olds, this.olds.measurement, false);
        if (this.olds.nodeFolder === this.news.nodeFolder && old.imageDigest === this.digest) return this.see(this.news, this.news.measurement, false);
        const { offer } = await (await (await surroundings()).agent(this.olds.nodeFolder)).handOver(this.instance);
        const meant = offer === undefined ? undefined : (await driverOf(this.news)).intendedTarget({ offer });
        return this.see(this.olds, meant?.measurement ?? this.olds.measurement, false);
    }

    /** The next instance: of the planned image, or of one that was planned when it was interrupted. */
    private async seeNext(next: InstanceReport, from: { readonly old: boolean }): Promise<Seen> {
        if (next.imageDigest === this.digest) return this.see(this.news, this.news.measurement, true);
        const { agent } = await surroundings();
        const [ours, theirs] = [await (await agent(this.news.nodeFolder)).handOver(this.successor), from.old ? await (await agent(this.olds.nodeFolder)).handOver(this.instance) : {}];
        const driver = await driverOf(this.news);
        const meant = ours.offer !== undefined ? driver.intendedTarget({ offer: ours.offer }) : theirs.prepare !== undefined ? driver.intendedTarget({ prepare: theirs.prepare }) : undefined;
        return this.see(this.news, meant?.measurement ?? this.news.measurement, true);
    }

    private async see(state: ModuleInputs, measurement: string | undefined, successor: boolean): Promise<Seen> {
        const end = await this.endOf(state, measurement, successor);
        return { end, attested: await (await driverOf(this.news)).attest(end) };
    }

    private endOf(state: ModuleInputs, measurement: string | undefined, successor: boolean): Promise<End> {
        return endOf({ ...state, module: state.name, measurement, successor }, this.news);
    }
}

/**
 * Makes the planned image the module, with the state of what runs.
 *
 * @param olds - what is in state
 * @param image - the planned one
 * @returns whether its state was kept, or why it cannot be
 * @throws AuthenticError where the new instance cannot be started, is refused, or does not take the state over: what runs goes on
 */
export async function succeed(olds: ModuleOutputs, news: ModuleInputs, instance: string, image: Uint8Array): Promise<Succession> {
    // A board has little room beside its modules: their next instances begin there one after the other.
    const locks = (await teeOf(news.tee)).software === undefined ? [] : [`board of ${news.nodeFolder}`];
    return withLocks(locks, () => succeedNow(new Heir(olds, news, instance, image), olds, news));
}

async function succeedNow(heir: Heir, olds: ModuleOutputs, news: ModuleInputs): Promise<Succession> {
    for (let steps = 0; steps < MAX_STEPS; steps++) {
        try {
            const done = await heir.step();
            if (done !== undefined) return done;
        } catch (error) {
            // Another deployer may have put another instance there before this one was asked.
            if (await heir.moved()) continue;
            // What was observed beats what was remembered: one that cannot be attested has nothing that could be kept.
            if (error instanceof AuthenticError && !isSilence(error) && (olds.state === "replaced" || (olds.state !== "running" && /^AE-(ATTEST|INSTANCE)-/.test(error.code)))) return lost(error.message);
            throw error;
        }
    }
    throw new AuthenticError("AE-MODULE-UPDATE", `the instances of module "${news.name}" keep changing while it is updated`, "let other `pulumi` commands of this stack finish, then run `pulumi up` again");
}
