// Attestation: what the driver believes, and what it does not.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { AuthenticError } from "../../provider/errors";
import { generateDeployer, loadDeployer } from "../../provider/session/deployer";
import { createDriver } from "../../provider/session/driver";
import { withLocks } from "../../provider/session/lock";
import type { EvidenceToAppraise } from "../../provider/session/session";
import { Fixture } from "./fixture";

describe("attestation", () => {
    it("reads the status and hands the evidence to the appraiser with what it must bind", async () => {
        const fixture = new Fixture("receiver");
        let seen: EvidenceToAppraise | undefined;
        fixture.appraise = async (evidence) => {
            seen = evidence;
            return { assurance: "none", facts: { tcb: "n/a" } };
        };
        const { status, appraisal, evidenceType } = await fixture.driver.attest(fixture.end("receiver"));
        assert.equal(status.state, "new");
        assert.match(status.incarnation, /^[0-9a-f]{32}$/);
        assert.deepEqual(appraisal, { assurance: "none", facts: { tcb: "n/a" } });
        assert.equal(evidenceType, 0);
        assert.deepEqual([seen!.instance, seen!.backend, seen!.reportData.length], ["receiver", "native", 64]);
        assert.deepEqual(seen!.measurement, fixture.measurement);
    });

    it("draws a fresh nonce each time", async () => {
        const fixture = new Fixture("receiver");
        const seen = new Set<string>();
        fixture.appraise = async ({ reportData }) => {
            seen.add(Buffer.from(reportData).toString("hex"));
            return { assurance: "none" };
        };
        for (let i = 0; i < 3; i++) await fixture.driver.attest(fixture.end("receiver"));
        assert.equal(seen.size, 3);
    });

    it("passes the appraiser's refusal on", async () => {
        const fixture = new Fixture("receiver");
        fixture.appraise = async () => {
            throw new AuthenticError("AE-TRUST-NONE", "nothing vouches for module receiver", "allow it");
        };
        await assert.rejects(fixture.driver.attest(fixture.end("receiver")), /AE-TRUST-NONE/);
    });

    const tampered: [string, Parameters<NonNullable<Fixture["tamper"]>>[2] extends infer R ? (reply: R) => R : never][] = [
        ["evidence of type none that is not the report data", (r) => (r.type === "m2" ? { ...r, evidence: { type: 0, body: new Uint8Array(randomBytes(64)) } } : r)],
        ["report data that is right in its first 32 bytes only", (r) => (r.type === "m2" ? { ...r, evidence: { type: 0, body: r.evidence.body.slice(0, 32) } } : r)],
        ["an altered status", (r) => (r.type === "m2" ? { ...r, body: r.body.map((b, i) => (i === 66 + 20 ? b ^ 1 : b)) } : r)],
        ["an altered key", (r) => (r.type === "m2" ? { ...r, body: r.body.map((b, i) => (i === 32 ? b ^ 1 : b)) } : r)],
        ["a core that is cut", (r) => (r.type === "m2" ? { ...r, body: r.body.slice(0, -1) } : r)],
        ["a reply of another type", () => ({ type: "m4", body: new Uint8Array(32) })],
    ];
    for (const [name, tamper] of tampered) {
        it(`refuses ${name}`, async () => {
            const fixture = new Fixture("receiver");
            fixture.tamper = (_to, _type, reply) => tamper(reply);
            await assert.rejects(fixture.driver.attest(fixture.end("receiver")), /AE-SESSION-REPLY/);
        });
    }

    it("refuses an M2 of an earlier session", async () => {
        const fixture = new Fixture("receiver");
        let first: Parameters<NonNullable<Fixture["tamper"]>>[2] | undefined;
        fixture.tamper = (_to, _type, reply) => (first ??= reply);
        await fixture.driver.attest(fixture.end("receiver"));
        await assert.rejects(fixture.driver.attest(fixture.end("receiver")), /AE-SESSION-REPLY/);
    });

    it("refuses a key of small order in M2 before a key is sealed to it", async () => {
        const fixture = new Fixture("receiver");
        fixture.tamper = (_to, type, reply) => {
            if (reply.type !== "m2" || type !== "m1") return reply;
            const body = reply.body.slice();
            body.fill(0, 32, 64);
            return { ...reply, body, evidence: { type: 1, body: new Uint8Array(1) } };
        };
        await assert.rejects(fixture.driver.setGrants(fixture.end("receiver"), [4]), /AE-SESSION-REPLY.*small order/);
    });

    it("says which message a module refused, and why", async () => {
        const fixture = new Fixture("receiver");
        const stranger = createDriver(loadDeployer(generateDeployer()));
        await assert.rejects(stranger.attest(fixture.end("receiver")), /AE-SESSION-REFUSED.*receiver refused m1 \(2\).*signature/);
    });

    it("never shows the deployer's key", async () => {
        const identity = generateDeployer();
        assert.notEqual(identity.secretKey, generateDeployer().secretKey);
        assert.throws(() => loadDeployer({ ...identity, secretKey: `${identity.secretKey}00` }), (error: Error) => !error.message.includes(identity.secretKey.slice(0, 8)));
        assert.throws(() => loadDeployer({ ...identity, secretKey: identity.secretKey.toUpperCase().replace(/\d/g, "A") }), (error: Error) => error instanceof RangeError);
    });
});

describe("locks", () => {
    it("run tasks of one name one after the other, and pass results and errors on", async () => {
        const log: string[] = [];
        const task = (name: string) => async (): Promise<string> => {
            log.push(`${name} begins`);
            await new Promise((resolve) => setImmediate(resolve));
            log.push(`${name} ends`);
            if (name === "b") throw new Error("b fails");
            return name;
        };
        const results = await Promise.allSettled([withLocks(["x", "y"], task("a")), withLocks(["y"], task("b")), withLocks(["y", "x"], task("c")), withLocks(["z"], task("d"))]);
        assert.deepEqual(results.map((r) => r.status), ["fulfilled", "rejected", "fulfilled", "fulfilled"]);
        const shared = log.filter((line) => !line.startsWith("d"));
        assert.equal(shared.length, 6);
        for (let i = 0; i < 6; i += 2) assert.equal(shared[i + 1], shared[i]!.replace("begins", "ends"));
        assert.ok(log.indexOf("d begins") < log.lastIndexOf("c ends"));
    });
});
