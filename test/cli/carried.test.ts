// What is known of a command under way.
import assert from "node:assert/strict";
import { Carried } from "../../provider/cli/carried";
import type { Channel } from "../../provider/session/session";

describe("a command under way", () => {
    const reply = { type: "result", body: new Uint8Array() } as const;

    it("is nothing before it is sent, sent until it is answered, and answered then", async () => {
        const carried = new Carried();
        let answer!: () => void;
        const slow: Channel = { send: (type) => type === "command" ? new Promise((resolve) => { answer = () => resolve(reply); }) : Promise.resolve(reply) };
        const channel = carried.channel(slow);
        await channel.send("m1", new Uint8Array());
        assert.equal(carried.state, "nothing");
        const sent = channel.send("command", new Uint8Array());
        assert.equal(carried.state, "sent");
        answer();
        await sent;
        assert.equal(carried.state, "answered");
    });

    it("stays sent where its answer is lost, until one comes", async () => {
        const carried = new Carried();
        const failing = carried.channel({ send: () => Promise.reject(new Error("lost")) });
        await assert.rejects(failing.send("command", new Uint8Array()), /lost/);
        assert.equal(carried.state, "sent");
    });
});
