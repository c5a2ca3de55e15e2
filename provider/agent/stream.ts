// Answers of an agent that go on: lines as they come, of bounded length, until the caller has enough.

import { type IncomingMessage, request } from "node:http";
import { AuthenticError } from "../errors";
import { clean, failureOf } from "./http";
import { openWay, unreachable } from "./way";

const MAX_LINE = 64 << 10;
const MAX_FAILURE = 64 << 10;

/**
 * Lines of an answer that goes on, without their ends; empty ones, which only show that the agent is there, are left out.
 *
 * @param folder - of the node
 * @param signal - ends the answer without an error
 * @throws AuthenticError as {@link call} does, and `AE-AGENT-ANSWER` for a line without an end
 */
export async function* lines(folder: string, target: string, signal: AbortSignal): AsyncGenerator<string, void, void> {
    let rest = "";
    for await (const text of chunks(folder, target, signal)) {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        if (rest.length > MAX_LINE) throw new AuthenticError("AE-AGENT-ANSWER", `the agent sends a line of more than ${MAX_LINE} characters`, "do not trust this agent; replace its node");
        for (const line of parts) if (line !== "") yield clean(line);
    }
}

async function* chunks(folder: string, target: string, signal: AbortSignal): AsyncGenerator<string, void, void> {
    try {
        const stream = await openWay(folder);
        const response = await new Promise<IncomingMessage>((resolve, reject) => {
            request({ createConnection: () => stream, path: target, signal }, resolve).once("error", (cause) => reject(unreachable(folder, cause))).end();
        });
        response.setEncoding("utf8");
        if (response.statusCode !== 200) {
            let body = "";
            for await (const text of response as AsyncIterable<string>) {
                body += text;
                if (body.length > MAX_FAILURE) break;
            }
            throw failureOf({ status: response.statusCode ?? 0, body });
        }
        yield* response as AsyncIterable<string>;
    } catch (error) {
        if (signal.aborted) return;
        throw error instanceof AuthenticError ? error : unreachable(folder, error);
    }
}
