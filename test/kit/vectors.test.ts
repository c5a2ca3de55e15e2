// The kit against the published vectors of the protocol: sessions byte for byte, and every refusal with its code.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { packageFolder } from "../../provider/build/folders";
import { concat, fromHex, hex } from "../../provider/protocol/bytes";
import type { MessageType } from "../../provider/session/session";
import { KitProcess } from "./kit-process";

interface Session {
    readonly name: string;
    readonly m1: string;
    readonly nonceM: string;
    readonly skE: string;
    readonly m2Core: string;
    readonly reportData: string;
    readonly m3?: string;
    readonly m4?: string;
    readonly activate?: string;
    readonly activated?: string;
    readonly command?: string;
    readonly result?: string;
}
interface Refused {
    readonly name: string;
    readonly notes: string;
    readonly type: MessageType;
    readonly message: string;
    readonly code: number;
}
const file = JSON.parse(readFileSync(path.join(packageFolder(), "test", "vectors", "session.json"), "utf8")) as {
    given: Record<"deployment" | "instance" | "deployerKey" | "measurement" | "incarnation", string>;
    vectors: readonly Session[];
    refused: readonly Refused[];
};
const bytes = (text: string | undefined): Uint8Array => fromHex("vector", text ?? "");
// A call of the kit's entries answers with no data, so this vector's result cannot be the kit's.
const WITHOUT_RESULT = "call";

const start = (...sessions: readonly Session[]): Promise<KitProcess> => {
    const { deployment, instance, deployerKey, measurement, incarnation } = file.given;
    return KitProcess.start({ module: "quiet.c", values: new Map([["limit", 0n]]),
        deployment: bytes(deployment), instance: bytes(instance), deployerKey: bytes(deployerKey), measurement: bytes(measurement),
        entropy: concat(bytes(incarnation), ...sessions.flatMap(({ nonceM, skE }) => [bytes(nonceM), bytes(skE)])),
    });
};

const named = (name: string): Session => file.vectors.find((one) => one.name === name)!;

const replay = async (kit: KitProcess, session: Session): Promise<void> => {
    const m2 = await kit.send("m1", bytes(session.m1));
    assert.ok(m2.type === "m2");
    assert.equal(hex(m2.body), session.m2Core);
    assert.equal(hex(m2.evidence.body), session.reportData);
    for (const [type, message, expected] of [["m3", session.m3, session.m4], ["activate", session.activate, session.activated], ["command", session.command, session.result]] as const) {
        if (message === undefined) continue;
        const reply = await kit.send(type, bytes(message));
        assert.ok(reply.type !== "refused", `${type} of ${session.name} was refused with ${"code" in reply ? reply.code : ""}`);
        if (type !== "command" || session.name !== WITHOUT_RESULT) assert.equal(hex(reply.body), expected, `${type} of ${session.name}`);
    }
};

describe("the kit and the session vectors", () => {
    let kit: KitProcess | undefined;
    afterEach(async () => kit?.stop());

    it("answers every session byte for byte, in one incarnation", async () => {
        kit = await start(...file.vectors);
        for (const session of file.vectors) await replay(kit, session);
    });

    for (const { name, notes, type, message, code } of file.refused) {
        it(`refuses: ${name} (${code})`, async () => {
            const keyed = named("first keying");
            const send = named("send");
            if (notes.startsWith("a new module") ) {
                kit = await start(keyed);
            } else if (notes.startsWith("after the M1 of `first keying`")) {
                kit = await start(keyed);
                await kit.send("m1", bytes(keyed.m1));
            } else if (notes.startsWith("after the M3 of `first keying`")) {
                kit = await start(keyed);
                await kit.send("m1", bytes(keyed.m1));
                assert.equal((await kit.send("m3", bytes(keyed.m3))).type, "m4");
            } else {
                kit = await start(keyed, send);
                await replay(kit, keyed);
                await kit.send("m1", bytes(send.m1));
                if (notes.startsWith("as above, after the same command")) assert.equal((await kit.send("command", bytes(message))).type, "result");
            }
            assert.deepEqual(await kit.send(type, bytes(message)), { type: "refused", code });
        });
    }
});
