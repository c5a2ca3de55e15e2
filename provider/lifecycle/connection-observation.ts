// What a refresh finds of a connection: the tables that both ends attest, and the route of the sender's node.

import { AuthenticError } from "../errors";
import type { ConnectionFacts } from "../session/session";
import { addressOf, type ConnectionInputs, type ConnectionOutputs, type EndInputs, keyed } from "./connection-state";
import { driverOf, endOf } from "./ends";
import { instanceOf } from "./identity";
import { isSilence, observe } from "./observe";

/**
 * Observes a connection without changing anything.
 *
 * @returns its state: `active`, or what is wrong, which the next `up` repairs
 * @throws AuthenticError where an agent cannot be asked: that proves nothing
 */
export async function inspectConnection(properties: ConnectionOutputs): Promise<{ state: string }> {
    const { from, to, keyId, epoch } = properties;
    const receiver = await factsOf(to, properties);
    const sender = from === undefined ? undefined : await factsOf(from, properties);
    for (const [end, facts] of [[to, receiver], [from, sender]] as const) {
        if (typeof facts === "string") {
            return { state: `unverified: module ${String(end?.module)} is ${facts}` };
        }
    }
    if (from === undefined) {
        return { state: isActive(receiver) ? "active" : `closed at ${to.module}` };
    }
    const broken = [[to, receiver] as const, [from, sender] as const].find(([, facts]) =>
        !isActive(facts) || facts.keyId !== keyId || facts.epoch !== epoch);
    if (broken !== undefined) {
        return { state: `no key at ${broken[0].module}` };
    }
    return { state: await routed(properties, from) ? "active" : "unrouted" };
}

function isActive(facts: ConnectionFacts | string | undefined): facts is ConnectionFacts {
    return typeof facts === "object" && facts.active && !facts.retired;
}

/** What an end attests of the connection: undefined where it knows nothing of it, a text where it cannot be attested. */
async function factsOf(end: EndInputs, properties: ConnectionOutputs): Promise<ConnectionFacts | string | undefined> {
    const report = await observe(end.nodeFolder, async (agent) => await agent.instance(instanceOf(properties.deploymentId, end.module)) ?? "missing");
    if (typeof report === "string") {
        return report === "stopped" ? "unsupervised" : report;
    }
    if (report.state !== "running") {
        return report.state;
    }
    try {
        const { status } = await (await driverOf(properties)).attest(await endOf(keyed(end, properties), properties));
        return status.connections.find(({ connection }) => connection === properties.connection);
    } catch (error) {
        if (error instanceof AuthenticError && !isSilence(error)) {
            return error.code.startsWith("AE-ATTEST-") ? "refused" : "unresponsive";
        }
        throw error;
    }
}

async function routed(properties: ConnectionInputs & { connection: number }, from: EndInputs): Promise<boolean> {
    const report = await observe(from.nodeFolder, (agent) => agent.instance(instanceOf(properties.deploymentId, from.module)));
    if (report === "stopped" || report === undefined) {
        return false;
    }
    const route = report.connections.find(({ connection }) => connection === properties.connection)?.route;
    return route?.instance === instanceOf(properties.deploymentId, properties.to.module) && route.address === addressOf(properties.to);
}
