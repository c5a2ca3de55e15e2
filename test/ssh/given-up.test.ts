// Which machines properties have given up: one that they say so of, and not the one beside it.
import assert from "node:assert/strict";
import { AuthenticError } from "../../provider/errors";
import { givenUp } from "../../provider/ssh/hosts";
import { formatLocation, type SshSettings } from "../../provider/ssh/settings";

const hostKey = `SHA256:${"A".repeat(43)}`;
const lost: SshSettings = { host: "lost.example", user: "u", agent: true, hostKey, deleteUnreachable: true };
const away: SshSettings = { host: "away.example", user: "u", agent: true, hostKey };
const folder = (host: string) => formatLocation({ authority: `u@${host}:22`, folder: "/home/u/node" });
const unreachable = new AuthenticError("AE-SSH-UNREACHABLE", "nobody answers", "wait");

describe("a machine that cannot be reached", () => {
    it("is given up where its own way says so", () => {
        assert.ok(givenUp(unreachable, { access: [lost, away] }, folder("lost.example")));
        assert.ok(givenUp(unreachable, { ssh: lost }));
    });

    it("is not given up because the machine of the other end is", () => {
        assert.ok(!givenUp(unreachable, { access: [lost, away] }, folder("away.example")));
        assert.ok(!givenUp(unreachable, { access: [lost, away] }));
    });

    it("is not given up where nothing is said, or for another reason", () => {
        assert.ok(!givenUp(unreachable, {}));
        assert.ok(!givenUp(unreachable, { ssh: away }));
        assert.ok(!givenUp(new AuthenticError("AE-SSH-HOST-KEY", "another host answers", "ask its owner"), { ssh: lost }));
    });
});
