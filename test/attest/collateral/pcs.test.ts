// The collateral layer against a real HTTP service: cache, offline use, validity, retries, and what errors say.
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collateralSources } from "../../../provider/attest/collateral/clients";
import type { DocumentOptions } from "../../../provider/attest/collateral/documents";
import { defaultFetchOptions } from "../../../provider/attest/collateral/fetch";
import type { Verdict } from "../../../provider/attest/evidence";
import { parseTrust } from "../../../provider/attest/policy";
import { evidenceTypes } from "../../../provider/attest/registry";
import { verifyEvidenceOnline } from "../../../provider/attest/verifier";
import { serveCollateral, type CollateralService } from "../pki/collateral-service";
import { build, NOW, sgxWorld, tdxWorld, type Built, type World } from "../pki/intel";
import { assertAccepted, assertRefused } from "../pki/judge";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe("collateral from a PCS v4 service", () => {
    let world: World;
    let built: Built;
    let service: CollateralService;
    let folder: string;
    let waits: number[];

    async function start(which: World): Promise<void> {
        world = which;
        // One root certificate for quote and service: both come from the same build.
        built = build(world);
        world.alter.collateral = () => built.collateral;
        service = await serveCollateral(world);
    }

    beforeEach(async () => {
        folder = await mkdtemp(join(tmpdir(), "collateral-"));
        waits = [];
        await start(sgxWorld());
    });
    afterEach(async () => {
        await service.stop();
        await rm(folder, { recursive: true });
    });

    function judge(options: { at?: number; offline?: boolean; refreshAfterHours?: number; timeout?: number } = {}): Promise<Verdict> {
        const trust = parseTrust({ emulated: true, collateral: { pcs: service.url, cache: folder, offline: options.offline ?? false, refreshAfterHours: options.refreshAfterHours } });
        const overrides: Partial<DocumentOptions> = {
            fetch: { ...defaultFetchOptions, timeout: options.timeout ?? 5000, wait: (milliseconds) => { waits.push(milliseconds); return Promise.resolve(); } },
        };
        const appraisal = { trust, roots: { assurance: "emulated", anchors: [built.root] } as const, at: options.at ?? NOW, reportData: null, references: null };
        const sources = collateralSources(trust.collateral, overrides);
        return world.td === null ? verifyEvidenceOnline(evidenceTypes.sgx, built.quote, sources, appraisal) : verifyEvidenceOnline(evidenceTypes.tdx, built.quote, sources, appraisal);
    }

    it("verifies SGX evidence, asking for four documents", async () => {
        assertAccepted(await judge());
        assert.equal(service.requests.length, 4);
    });

    it("verifies TDX evidence", async () => {
        await service.stop();
        await start(tdxWorld());
        assertAccepted(await judge());
        assert.ok(service.requests.includes("/tdx/certification/v4/qe/identity"));
    });

    it("uses the cache while it is fresh, without asking", async () => {
        await judge();
        assertAccepted(await judge({ at: NOW + 23 * HOUR }));
        assert.equal(service.requests.length, 4);
    });

    it("asks again after refreshAfterHours, and does with the valid cache when nobody answers", async () => {
        await judge();
        service.disturb = () => ({ status: 503, body: "" });
        assertAccepted(await judge({ at: NOW + 25 * HOUR }));
        assert.equal(service.requests.length, 8);
        assert.deepEqual(waits, []);
    });

    it("works offline within validity", async () => {
        await judge();
        await service.stop();
        assertAccepted(await judge({ offline: true, at: NOW + 20 * DAY }));
        await start(world);
    });

    it("refuses offline after the next update, naming the document and its date", async () => {
        await judge();
        const verdict = await judge({ offline: true, at: NOW + 30 * DAY });
        assert.equal(verdict.accepted, false);
        assert.equal(verdict.reasons[0]?.code, "AE-ATTEST-EXPIRED");
        assert.match(verdict.reasons[0].claim, /^TCB info of FMSPC 00a067110000$/);
        assert.match(verdict.reasons[0].found, /expired on 2026-03-30T00:00:00Z/);
        assert.equal(verdict.reasons[0].setting, "authentic:trust.collateral.offline");
    });

    it("refuses offline without a cache, naming the missing document", async () => {
        assertRefused(await judge({ offline: true }), "AE-ATTEST-COLLATERAL", "TCB info of FMSPC 00a067110000", "authentic:trust.collateral.offline");
    });

    it("refuses when the service has only expired documents", async () => {
        const verdict = await judge({ at: NOW + 30 * DAY });
        assert.equal(verdict.reasons[0]?.code, "AE-ATTEST-EXPIRED");
        assert.match(verdict.reasons[0].found, /has no current one/);
        assert.deepEqual(await readdir(folder), []);
    });

    for (const status of [429, 500, 503]) {
        it(`retries HTTP ${status} with growing pauses`, async () => {
            service.disturb = (path, count) => path.includes("/tcb?") && count <= 3 ? { status, body: "" } : undefined;
            assertAccepted(await judge());
            assert.deepEqual(waits, [1000, 2000, 4000]);
        });
    }

    it("respects Retry-After, within reason", async () => {
        service.disturb = (path, count) => path.includes("/tcb?") && count === 1 ? { status: 429, headers: { "retry-after": "7" }, body: "" }
            : path.includes("/tcb?") && count === 2 ? { status: 429, headers: { "retry-after": "86400" }, body: "" } : undefined;
        assertAccepted(await judge());
        assert.ok(waits.includes(7000));
        assert.ok(Math.max(...waits) <= 30_000);
    });

    it("takes a date in Retry-After by the service's own clock", async () => {
        const headers = { "date": "Tue, 01 Jul 2025 12:00:00 GMT", "retry-after": "Tue, 01 Jul 2025 12:00:09 GMT" };
        service.disturb = (path, count) => path.includes("/tcb?") && count === 1 ? { status: 503, headers, body: "" } : undefined;
        assertAccepted(await judge());
        assert.ok(waits.includes(9000));
    });

    it("waits as ever for a Retry-After that is no time", async () => {
        service.disturb = (path, count) => path.includes("/tcb?") && count === 1 ? { status: 503, headers: { "retry-after": "soon" }, body: "" } : undefined;
        assertAccepted(await judge());
        assert.deepEqual(waits, [1000]);
    });

    it("gives up after five attempts, saying what was answered", async () => {
        service.disturb = (path) => path.includes("/tcb?") ? { status: 503, body: "" } : undefined;
        const verdict = await judge();
        assertRefused(verdict, "AE-ATTEST-COLLATERAL", "TCB info of FMSPC 00a067110000", "authentic:trust.collateral");
        assert.match(verdict.reasons[0]!.found, /HTTP 503/);
        assert.equal(service.requests.filter((path) => path.includes("/tcb?")).length, 5);
    });

    it("does not retry what will not change", async () => {
        service.disturb = (path) => path.includes("pckcrl") ? { status: 404, body: "" } : undefined;
        assertRefused(await judge(), "AE-ATTEST-COLLATERAL", "PCK CRL", "authentic:trust.collateral");
        assert.deepEqual(waits, []);
    });

    it("follows no redirect", async () => {
        service.disturb = (path, count) => path.includes("pckcrl") && count === 1 ? { status: 302, headers: { location: `${service.url}/elsewhere` }, body: "" } : undefined;
        await judge();
        assert.ok(!service.requests.includes("/elsewhere"));
    });

    it("bounds what it reads", async () => {
        service.disturb = (path) => path.includes("rootcacrl") ? { body: Buffer.alloc(9 << 20, 0x30) } : undefined;
        const verdict = await judge();
        assertRefused(verdict, "AE-ATTEST-COLLATERAL", "root CA CRL", "authentic:trust.collateral");
        assert.match(verdict.reasons[0]!.found, /larger than/);
    });

    const garbage: [what: string, path: string, answer: { headers?: Record<string, string>; body: string }, claim: RegExp][] = [
        ["TCB info that is no JSON", "/tcb?", { body: "<html>" }, /^TCB info/],
        ["TCB info without issuer chain", "/tcb?", { body: "{\"tcbInfo\":{\"issueDate\":\"\",\"nextUpdate\":\"\"},\"signature\":\"\"}" }, /^TCB info.*header tcb-info-issuer-chain$/],
        ["a QE identity {}", "/qe/identity", { body: "{}" }, /^QE identity/],
        ["a revocation list that is garbage", "pckcrl", { headers: { "SGX-PCK-CRL-Issuer-Chain": "x" }, body: "zz" }, /^PCK CRL$/],
    ];
    for (const [what, path, answer, claim] of garbage) {
        it(`refuses ${what} and keeps it out of the cache`, async () => {
            service.disturb = (asked) => asked.includes(path) ? answer : undefined;
            const verdict = await judge();
            assert.equal(verdict.accepted, false);
            assert.match(verdict.reasons[0]?.claim ?? "", claim);
            assert.ok((await readdir(folder)).length <= 3);
        });
    }

    it("treats damaged cache files as absent", async () => {
        await judge();
        for (const name of await readdir(folder)) {
            const path = join(folder, name);
            const content = await readFile(path, "utf8");
            await writeFile(path, content.replace(/"body":"(.)/, (match, first: string) => match.slice(0, -1) + (first === "A" ? "B" : "A")));
        }
        assertAccepted(await judge());
        assert.equal(service.requests.length, 8);
    });

    it("keeps cache files to their owner and leaves no partial ones", async () => {
        await judge();
        const names = await readdir(folder);
        assert.equal(names.length, 4);
        for (const name of names) {
            assert.match(name, /^[0-9a-f]{64}\.json$/);
            assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600);
        }
    });
});
