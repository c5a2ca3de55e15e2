// An activation of a module that is busy: sent again as it is, and not for ever.
import assert from "node:assert/strict";
import { activate, configure, openSession, PURPOSE, SessionRestart } from "../../provider/session/exchange";
import type { MessageType, Reply } from "../../provider/session/session";
import { DIRECTION } from "../../provider/protocol/status";
import { U64_MAX } from "../../provider/protocol/bytes";
import { Fixture, OUTPUT } from "./fixture";

const BUSY: Reply = { type: "refused", code: 13 };

describe("an activation", () => {
    /** Keys a sender; the first `busy` activations are refused. */
    async function configured(busy: number) {
        const fixture = new Fixture("sender");
        const sent: Uint8Array[] = [];
        const end = fixture.end("sender");
        const channel = {
            send: async (type: MessageType, body: Uint8Array): Promise<Reply> => {
                if (type !== "activate") return end.channel.send(type, body);
                sent.push(body);
                return sent.length <= busy ? BUSY : end.channel.send(type, body);
            },
        };
        const session = await openSession(fixture.deployer, { ...end, channel }, PURPOSE.configure);
        const done = await configure(fixture.deployer, session, [{
            type: "set", connection: 7, endpoint: OUTPUT, direction: DIRECTION.sender, delivery: 1, suite: 1, reset: false, window: 8, epoch: 1n,
            key: new Uint8Array(32).fill(5), firstCounter: 1n, lastCounter: U64_MAX,
        }]);
        return { fixture, done, sent };
    }

    it("is sent again, byte for byte, while the module is busy", async () => {
        const { fixture, done, sent } = await configured(3);
        await activate(fixture.deployer, done);
        assert.equal(sent.length, 4);
        for (const message of sent) assert.deepEqual(message, sent[0]);
    });

    it("is given up in the end", async () => {
        const { fixture, done, sent } = await configured(Infinity);
        await assert.rejects(activate(fixture.deployer, done, 100), (error) => error instanceof SessionRestart && error.refusal === 13);
        assert.ok(sent.length > 1 && sent.length < 20);
    });
});
