// The driver of a deployment's sessions: the implementation of `SessionDriver`.
import { AuthenticError } from "../errors";
import { requireLength, U64_MAX } from "../protocol/bytes";
import { OPERATION } from "../protocol/command";
import { drawConnection } from "../protocol/names";
import type { TableRecord } from "../protocol/records";
import { DELIVERY, DIRECTION, STATE, SUITE } from "../protocol/status";
import { command } from "./command";
import { connect, lockName, requireUsable } from "./connect";
import { configureAtOnce, openSession, PURPOSE, withRestarts, type Session } from "./exchange";
import { statusFacts } from "./facts";
import { abortHandOver, completeHandOver, handOver, intendedTarget } from "./hand-over";
import { withLocks } from "./lock";
import { numberTaken } from "./plan";
import type { Attested, Closed, ClosingEnd, Deployer, DeployerLink, End, SessionDriver } from "./session";

const attested = ({ status, appraisal, evidenceType }: Session): Attested => ({ status: statusFacts(status), appraisal, evidenceType });

/**
 * Makes the driver of a deployment.
 *
 * @param deployer - the deployment id and the deployer's secret key; kept for the life of the driver
 * @throws RangeError naming the field that has another length
 */
export function createDriver(deployer: Deployer): SessionDriver {
    requireLength("deployment", deployer.deployment, 16);
    requireLength("secretKey", deployer.secretKey, 32);

    const attest = (end: End): Promise<Attested> =>
        withLocks([lockName(deployer, end)], () => withRestarts(async () => attested(await openSession(deployer, end, PURPOSE.attest))));

    /** Changes a table by what its status lacks; without a difference nothing is sent. */
    const update = (end: End, difference: (session: Session) => readonly TableRecord[]): Promise<Attested> =>
        withLocks([lockName(deployer, end)], () =>
            withRestarts(async () => {
                const session = await openSession(deployer, end, PURPOSE.configure);
                requireUsable(session);
                const records = difference(session);
                if (records.length === 0) return attested(session);
                await configureAtOnce(deployer, session, records);
                return attested(await openSession(deployer, end, PURPOSE.attest));
            }),
        );

    const close = async (connection: number, end: ClosingEnd): Promise<Closed> => {
        if ("gone" in end) return { outcome: "unconfirmed", reason: end.gone };
        try {
            await withLocks([lockName(deployer, end)], () =>
                withRestarts(async () => {
                    const session = await openSession(deployer, end, PURPOSE.configure);
                    const { state, connections } = session.status;
                    // A module that has failed or released its state attests that its keys are erased.
                    if (state === STATE.failed || state === STATE.released || !connections.some((c) => c.connection === connection)) return;
                    await configureAtOnce(deployer, session, [{ type: "close", connection, retire: false }]);
                }),
            );
            return { outcome: "confirmed" };
        } catch (error) {
            // Its machine may be reached again: the keys are not left behind for that.
            if (!(error instanceof AuthenticError) || error.code.startsWith("AE-SSH-")) throw error;
            return { outcome: "unconfirmed", reason: error.message };
        }
    };

    return {
        attest,
        connect: (link, options) => connect(deployer, link, options),
        disconnect: async (connection, from, to) => ({ from: await close(connection, from), to: await close(connection, to) }),
        disconnectDeployer: close,
        async freeConnection(ends) {
            const inUse = new Set<number>();
            for (const end of ends) {
                for (const { connection } of (await attest(end)).status.connections) inUse.add(connection);
            }
            return drawConnection(inUse);
        },
        connectDeployer: (link: DeployerLink) =>
            update(link.to.end, ({ status }) => {
                const record = status.connections.find((c) => c.connection === link.connection);
                if (record?.direction === DIRECTION.deployer && record.endpoint === link.to.endpoint) return [];
                if (record !== undefined) throw numberTaken(link, link.to, record);
                return [
                    {
                        type: "set",
                        connection: link.connection,
                        endpoint: link.to.endpoint,
                        direction: DIRECTION.deployer,
                        delivery: DELIVERY.strict,
                        suite: SUITE.none,
                        reset: false,
                        window: 0,
                        epoch: 0n,
                        key: new Uint8Array(32),
                        firstCounter: 1n,
                        lastCounter: U64_MAX,
                    },
                ];
            }),
        setGrants: (end, endpoints) =>
            update(end, ({ status }) => {
                const missing = endpoints.filter((endpoint) => !status.grants.includes(endpoint));
                const excess = status.grants.filter((endpoint) => !endpoints.includes(endpoint));
                return [
                    ...excess.map((endpoint) => ({ type: "revoke", endpoint }) as const),
                    ...missing.map((endpoint) => ({ type: "grant", endpoint, measurement: end.measurement, incarnation: status.incarnation }) as const),
                ];
            }),
        send: (link, data) => command(deployer, OPERATION.send, link.to, link.connection, data),
        request: (link, data) => command(deployer, OPERATION.request, link.to, link.connection, data),
        handOver: (move) => handOver(deployer, move),
        abortHandOver: (old) => abortHandOver(deployer, old),
        completeHandOver: (next, status, from) => completeHandOver(deployer, next, status, from),
        intendedTarget: (message) => intendedTarget(deployer, message),
        call: (target, data) => command(deployer, OPERATION.call, target, 0, data),
    };
}
