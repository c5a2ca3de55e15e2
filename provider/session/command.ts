// Commands of the deployer, exactly once within an incarnation: what became of a lost one is read from the status.
import { AuthenticError } from "../errors";
import { equalBytes } from "../protocol/bytes";
import { MAX_DATA, OPERATION, RESULT, type Operation } from "../protocol/command";
import { DIRECTION, type Status } from "../protocol/status";
import { execute, openSession, PURPOSE, withRestarts, type Session } from "./exchange";
import { lockName, requireUsable } from "./connect";
import { withLocks } from "./lock";
import type { CommandResult, Deployer, LinkEnd } from "./session";

/** Errors of a channel after which the module may or may not have processed the command. */
const LOST = new Set(["AE-AGENT-UNREACHABLE", "AE-AGENT-TIMEOUT", "AE-SSH-UNREACHABLE"]);
const ATTEMPTS = 3;
const STATUS_NAMES = { [RESULT.done]: "done", [RESULT.full]: "full", [RESULT.refused]: "refused" } as const;

/** The counter a command would have now. */
function nextCounter(status: Status, target: LinkEnd, connection: number): bigint {
    if (connection === 0) return status.commandNext;
    const record = status.connections.find((c) => c.connection === connection);
    if (record?.direction !== DIRECTION.deployer || record.endpoint !== target.endpoint) {
        throw new AuthenticError("AE-COMMAND-CONNECTION", `module ${target.end.name} holds no deployer connection ${connection} at endpoint ${target.endpoint}`, "run `pulumi up`, which connects the deployer again");
    }
    return record.next;
}

interface Sent {
    readonly incarnation: Uint8Array;
    readonly counter: bigint;
    readonly cause: unknown;
}

/**
 * Sends a command and returns its result. After a lost reply the status decides: not processed is sent again, processed
 * is not.
 *
 * @param connection - of direction 5; 0 for a call
 * @throws AuthenticError `AE-COMMAND-UNKNOWN` if the module restarted meanwhile, `AE-COMMAND-REPLY-LOST` if it was
 *   processed but its reply was lost
 */
export async function command(deployer: Deployer, operation: Operation, target: LinkEnd, connection: number, data: Uint8Array): Promise<CommandResult> {
    if (data.length > MAX_DATA) throw new AuthenticError("AE-COMMAND-DATA", `the data has ${data.length} bytes, a command carries at most ${MAX_DATA}`, "send less at once");
    const { end, endpoint } = target;
    return withLocks([lockName(deployer, end)], async () => {
        let sent: Sent | undefined;
        for (let attempt = 1; ; attempt++) {
            let opened: Session | undefined;
            let counter = 0n;
            try {
                const done = await withRestarts(async () => {
                    opened = undefined;
                    const session = await openSession(deployer, end, PURPOSE.command);
                    requireUsable(session);
                    counter = nextCounter(session.status, target, connection);
                    const past = sent === undefined ? undefined : outcomeOf(sent, session.status, counter, operation, end.name);
                    if (past !== undefined) return past;
                    opened = session;
                    const result = await execute(deployer, session, { operation, endpoint, connection, counter, data });
                    return { status: STATUS_NAMES[result.status], counter: counter.toString(), data: result.data };
                });
                return done;
            } catch (error) {
                // A refusal authenticates nothing, so this says no more of the command's effects.
                if (opened !== undefined && error instanceof AuthenticError && error.code === "AE-INSTANCE-FAILED") {
                    throw new AuthenticError("AE-INSTANCE-FAILED", `module ${end.name} failed while it processed the command, its node says`,
                        "see its logs for the reason and correct it, then `pulumi refresh` and `pulumi up` start it again; look at the command's effect before you repeat it", { cause: error });
                }
                const lost = error instanceof AuthenticError && LOST.has(error.code) && opened !== undefined;
                if (!lost || attempt === ATTEMPTS) throw error;
                sent = { incarnation: (opened as Session).status.incarnation, counter, cause: error };
            }
        }
    });
}

/** What became of a command whose reply was lost; `undefined`: it was not processed. */
function outcomeOf(sent: Sent, status: Status, counter: bigint, operation: Operation, name: string): CommandResult | undefined {
    if (!equalBytes(sent.incarnation, status.incarnation)) {
        throw new AuthenticError("AE-COMMAND-UNKNOWN", `module ${name} restarted before it confirmed the command, so whether it was processed is unknown`, "look at its effect before you repeat it", { cause: sent.cause });
    }
    if (counter === sent.counter) return undefined;
    if (operation === OPERATION.send) return { status: "done", counter: sent.counter.toString(), data: new Uint8Array(0) };
    throw new AuthenticError("AE-COMMAND-REPLY-LOST", `module ${name} has processed the command, but its reply was lost`, "look at its effect before you repeat it", { cause: sent.cause });
}
