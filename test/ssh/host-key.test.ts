// What pins a host's key, in each form that a program can give it in.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { isPinned, readPins } from "../../provider/ssh/host-key";
import { makeKey } from "./server";

describe("pins of host keys", () => {
    let folder: string;
    let ours: string;
    let others: string;

    before(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "pins-"));
        [ours, others] = ["ours", "others"].map((name) => fs.readFileSync(`${makeKey(folder, name)}.pub`, "utf8").trim()) as [string, string];
    });
    after(() => fs.rmSync(folder, { recursive: true }));

    const wire = (line: string) => Buffer.from(line.split(" ")[1]!, "base64");
    const accepts = (pins: ReturnType<typeof readPins>, line: string): boolean => {
        if (typeof pins === "string") return assert.fail(pins);
        return isPinned(pins, wire(line));
    };
    const known = (name: string, line: string) => `${name} ${line.split(" ").slice(0, 2).join(" ")}`;
    /** As `ssh-keygen -H` hides the names of hosts. */
    function hashed(text: string): string {
        const file = path.join(folder, "known_hosts");
        fs.writeFileSync(file, `${text}\n`);
        execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
        return fs.readFileSync(file, "utf8");
    }

    const problem = (pins: ReturnType<typeof readPins>): string => typeof pins === "string" ? pins : assert.fail("there are pins");

    it("are fingerprints as ssh-keygen prints them, public keys, and lists of them", () => {
        const fingerprint = execFileSync("ssh-keygen", ["-lf", path.join(folder, "ours.pub")], { encoding: "utf8" }).split(" ")[1]!;
        for (const hostKey of [fingerprint, ours, [fingerprint, others]]) assert.ok(accepts(readPins({ host: "h", hostKey }), ours));
        for (const hostKey of [fingerprint, ours]) assert.equal(accepts(readPins({ host: "h", hostKey }), others), false);
    });

    const FORMS: readonly (readonly [string, () => string, { host: string; port?: number }, boolean])[] = [
        ["a line of the host", () => known("h.example", ours), { host: "h.example" }, true],
        ["a line of several hosts", () => known("a.example,h.example,192.0.2.1", ours), { host: "192.0.2.1" }, true],
        ["a pattern", () => known("*.example", ours), { host: "h.example" }, true],
        ["a pattern with an exception", () => known("*.example,!h.example", ours), { host: "h.example" }, false],
        ["a line of another port", () => known("[h.example]:2222", ours), { host: "h.example" }, false],
        ["a line of the port", () => known("[h.example]:2222", ours), { host: "h.example", port: 2222 }, true],
        ["a hashed name", () => hashed(known("h.example", ours)), { host: "h.example" }, true],
        ["a hashed name of another host", () => hashed(known("h.example", ours)), { host: "i.example" }, false],
        ["a certificate authority, which names no key", () => known("@cert-authority h.example", ours), { host: "h.example" }, false],
    ];
    for (const [what, knownHosts, where, found] of FORMS) {
        it(`are lines of known_hosts: ${what}${found ? "" : " does not count"}`, () => {
            const pins = readPins({ ...where, knownHosts: `# comment\n\n${knownHosts()}` });
            if (found) assert.ok(accepts(pins, ours));
            else assert.match(problem(pins), /^has no key of/);
        });
    }

    it("do not hold for a key that is revoked, although it stands there as well", () => {
        const pins = readPins({ host: "h.example", knownHosts: [known("h.example", ours), known("h.example", others), known("@revoked *", ours)].join("\n") });
        assert.deepEqual([accepts(pins, ours), accepts(pins, others)], [false, true]);
    });

    it("are needed, and say what they have to be", () => {
        assert.match(problem(readPins({ host: "h" })), /^is needed: without it anybody/);
        for (const hostKey of ["", "SHA256:short", "MD5:aa:bb", "yes"]) assert.match(problem(readPins({ host: "h", hostKey })), /^must be a fingerprint/);
    });
});
