// Lifecycle of a Connection: both ends hold one active key, and the sender's node knows the way.

import { AuthenticError } from "../errors";
import type { Closed, ClosingEnd, DeployerLink, Link, LinkEnd } from "../session/session";
import { type PlaceInputs, REPLAY_REMEDY, replayable } from "./board";
import { checkInputs, type RawInputs } from "./check";
import { changedKeys } from "./change";
import {
    addressOf, type ConnectionInputs, connectionKeys, type ConnectionOutputs, connectionSchema, type EndInputs, keyed, needsRotation, replacedKeys, sameEnds,
} from "./connection-state";
import { inspectConnection } from "./connection-observation";
import { driverOf, endOf } from "./ends";
import { type Hooks, Unfinished } from "./hooks";
import { connectionNumber, instanceOf, resourceId } from "./identity";
import { observe, observed } from "./observe";
import { isUnknown, present } from "./plain";
import { type Problem, problem } from "./problems";
import { trustProblems } from "./schemas";
import { type Agent, surroundings } from "./surroundings";
import { givenUp } from "../ssh/hosts";

export const connection: Hooks<ConnectionInputs, ConnectionOutputs> = {
    check(olds, news) {
        const lastChange = keyChange(olds, news) ?? olds.lastChange;
        return checkInputs(connectionSchema, { ...news, ...(lastChange === undefined ? {} : { lastChange }) }, rules);
    },

    diff(_id, olds, news) {
        const compared = { ...news, from: settled(olds.from, news.from), to: settled(olds.to, news.to) };
        return Promise.resolve({
            changes: changedKeys({ ...olds }, { ...compared }, connectionKeys).length > 0,
            replaces: replacedKeys(olds, news),
            // Two connections between the same ends would deliver twice; a request has one handler at any time.
            deleteBeforeReplace: sameEnds(olds, news) || news.kind === "request",
        });
    },

    async create(inputs) {
        try {
            return await make(inputs, connectionNumber(inputs));
        } catch (error) {
            if (!isTaken(error)) throw error;
        }
        const ends = await Promise.all([inputs.from, inputs.to].filter((end) => end !== undefined).map((end) => endOf(keyed(end, inputs), inputs)));
        return make(inputs, await (await driverOf(inputs)).freeConnection(ends));
    },

    async read(id, properties) {
        return observed("connection", id, { ...properties, ...await inspectConnection(properties) }, connectionKeys);
    },

    async update(_id, olds, news) {
        const rotate = needsRotation(olds, news) ? news.rotation : undefined;
        return { outs: { ...news, connection: olds.connection, ...await ensure(news, olds.connection, { previouslyKeyed: mayHaveBeenKeyed(olds, news), ...(rotate === undefined ? {} : { rotate }) }) } };
    },

    async delete(_id, properties) {
        const driver = await driverOf(properties);
        const { connection: number, from, to, name } = properties;
        if (from === undefined) {
            report(name, to, await driver.disconnectDeployer(number, await closingEnd(to, properties)));
            return;
        }
        const closed = await driver.disconnect(number, await closingEnd(from, properties), await closingEnd(to, properties));
        report(name, from, closed.from);
        report(name, to, closed.to);
        await observeUnlessGivenUp(from, properties, (agent) => agent.removeRoute(instanceOf(properties.deploymentId, from.module), number));
    },
};

/** Makes a connection under a number. @throws AuthenticError `AE-SESSION-LINK` where an end has it for another, and nothing was done */
async function make(inputs: ConnectionInputs, number: number) {
    const id = resourceId(inputs.name, number.toString(16).padStart(8, "0"));
    try {
        return { id, outs: { ...inputs, connection: number, ...await ensure(inputs, number) } };
    } catch (error) {
        if (isTaken(error)) throw error;
        // The number is kept: the next attempt takes up whatever this one did.
        throw new Unfinished(error, id, { ...inputs, connection: number });
    }
}

function isTaken(error: unknown): boolean {
    return error instanceof AuthenticError && error.code === "AE-SESSION-LINK";
}

/** Whether there may have been events before: a first keying that was broken off has none, unless an end is another instance since. */
function mayHaveBeenKeyed(olds: Partial<ConnectionOutputs> & ConnectionInputs, news: ConnectionInputs): boolean {
    return olds.keyId !== undefined || olds.from?.incarnation !== news.from?.incarnation || olds.to.incarnation !== news.to.incarnation;
}

/** Keys the connection where that is needed and sets its route. */
async function ensure(inputs: ConnectionInputs, number: number, options: { previouslyKeyed?: boolean; rotate?: "drain" | "compromise" } = {}) {
    const driver = await driverOf(inputs);
    const { name, from, to, kind, delivery, window, minAssurance } = inputs;
    const target = await linkEnd(to, inputs);
    if (from === undefined || kind === "deployer") {
        const link: DeployerLink = { connection: number, name, to: target };
        const { appraisal } = await driver.connectDeployer(link);
        return { epoch: "0", keyId: "", assurance: appraisal.assurance };
    }
    const link: Link = {
        connection: number, name, kind, delivery, suite: inputs.suite as Link["suite"], window,
        from: await linkEnd(from, inputs), to: target,
    };
    const { epoch, keyId, assurance } = await driver.connect(link, { ...options, minAssurance });
    const agent = await (await surroundings()).agent(from.nodeFolder);
    await agent.setRoute(instanceOf(inputs.deploymentId, from.module), number, {
        address: present(addressOf(to), "the event address"),
        instance: instanceOf(inputs.deploymentId, to.module),
    });
    return { epoch, keyId, assurance };
}

async function linkEnd(end: EndInputs, inputs: ConnectionInputs): Promise<LinkEnd> {
    return { end: await endOf(keyed(end, inputs), inputs), endpoint: present(end.endpoint, "the endpoint") };
}

/** Looks at an end's node; its machine may have been given up, whatever counts for that of the other end. */
function observeUnlessGivenUp<T>({ nodeFolder }: EndInputs, inputs: ConnectionOutputs, look: (agent: Agent) => Promise<T>): Promise<T | "stopped" | "given up"> {
    return observe(nodeFolder, look).catch((error: unknown) => {
        if (!givenUp(error, inputs, nodeFolder)) throw error;
        return "given up" as const;
    });
}

/** An end of a connection that is deleted; gone where it is certain that no instance holds its keys. */
async function closingEnd(end: EndInputs, inputs: ConnectionOutputs): Promise<ClosingEnd> {
    const instance = instanceOf(inputs.deploymentId, end.module);
    const present = await observeUnlessGivenUp(end, inputs, async (agent) => await agent.instance(instance) ?? "missing");
    if (present === "given up") {
        return { name: end.module, gone: "its node's machine cannot be reached, and is given up" };
    }
    if (present === "stopped") {
        return { name: end.module, gone: "its node's agent does not run" };
    }
    return present === "missing" ? { name: end.module, gone: "its node has no such instance" } : endOf(keyed(end, inputs), inputs);
}

function report(name: string, end: EndInputs, closed: Closed): void {
    if (closed.outcome === "unconfirmed") {
        console.warn(`connection "${name}": module "${end.module}" has not confirmed that it is closed (${closed.reason ?? "it could not be asked"}). `
            + "If it still runs, it still holds the old key: treat it as connected until its node was reset or replaced.");
    }
}

/** Which ends are updated, as far as a preview knows: their connections get new keys. */
function keyChange(olds: Partial<ConnectionInputs>, news: Partial<ConnectionInputs>): string | undefined {
    const changed = (["from", "to"] as const).filter((side) => {
        const [old, next] = [olds[side], news[side]];
        return old !== undefined && next !== undefined && olds.kind !== "deployer"
            && (["measurement", "nodeFolder"] as const).some((key) => typeof next[key] === "string" && !isUnknown(next[key]) && old[key] !== next[key]);
    });
    return changed.length === 0 ? undefined : `new key: module ${changed.map((side) => String(news[side]?.module)).join(" and module ")} is updated`;
}

/** A node that is only being updated keeps its folder and platform, although a preview does not know them. */
function settled<E extends EndInputs | undefined>(olds: E, news: E): E {
    return news !== undefined && olds !== undefined && isUnknown(news.nodeFolder) ? { ...news, nodeFolder: olds.nodeFolder, platform: olds.platform } : news;
}

function rules(inputs: RawInputs): Problem[] {
    const strict = inputs["kind"] === "event" && inputs["delivery"] === "strict" && replayable(inputs["senderPlace"] as PlaceInputs);
    return [...trustProblems(inputs["trust"]), ...(strict
        ? [problem("delivery", `is strict, but the sender's board has no source of fresh nonces: who resets it and replays exactly what it received can make it send again; ${REPLAY_REMEDY}, or use \`delivery: "latest"\``)] : [])];
}
