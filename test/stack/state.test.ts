// Reading an exported stack: secrets are revealed to the caller and to nobody else.
import assert from "node:assert/strict";
import { AuthenticError } from "../../provider/errors";
import { readStackState } from "../../provider/stack/state";

const MARK = "4dabf18193072939515e22adb298388d";

const exported = (deployerKey: unknown) => ({
    deployment: { resources: [{ type: "pulumi-nodejs:dynamic/authentic:Module", outputs: { name: "sensor", deployerKey } }] },
});

const secret = (plaintext: string) => ({ [MARK]: "1b47061264138c4ac30d75fd1eb44270", plaintext });

describe("the state of a stack", () => {
    it("shows the values of secrets to its reader", () => {
        const { modules } = readStackState(exported(secret(JSON.stringify("c0ffee"))));
        assert.deepEqual(modules, [{ name: "sensor", deployerKey: "c0ffee" }]);
    });

    it("is refused without quoting a secret that is no JSON", () => {
        assert.throws(() => readStackState(exported(secret("c0ffee-and-more"))), (error: unknown) => {
            assert.ok(error instanceof AuthenticError);
            assert.equal(error.code, "AE-STACK-FORMAT");
            assert.doesNotMatch(`${error.message} ${error.stack ?? ""} ${String(error.cause)}`, /c0ffee/);
            return true;
        });
    });

    it("is refused where its secrets are hidden, or where it is something else", () => {
        assert.throws(() => readStackState(exported({ [MARK]: "1b47061264138c4ac30d75fd1eb44270", ciphertext: "AAAA" })), { code: "AE-STACK-SECRETS" });
        assert.throws(() => readStackState({ resources: [] }), { code: "AE-STACK-FORMAT" });
    });
});
