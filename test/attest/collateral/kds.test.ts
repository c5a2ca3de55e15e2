// What is asked of AMD's key distribution service, and that a chip's certificates are kept apart by TCB.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileCache } from "../../../provider/attest/collateral/cache";
import { KdsClient } from "../../../provider/attest/collateral/kds";
import { EvidenceRefused } from "../../../provider/attest/refusal";
import { sgxWorld, NOW } from "../pki/intel";
import { issueCertificate, issueRevocationList } from "../pki/x509";
import { encodePem } from "../../../provider/attest/x509/pem";

describe("the KDS client", () => {
    const world = sgxWorld();
    const root = issueCertificate(world.root, world.keys);
    let server: Server;
    let folder: string;
    let asked: string[];
    let client: KdsClient;

    beforeEach(async () => {
        asked = [];
        folder = await mkdtemp(join(tmpdir(), "kds-"));
        server = createServer((request, response) => {
            const path = request.url ?? "";
            asked.push(path);
            response.end(path.endsWith("cert_chain") ? `${encodePem("CERTIFICATE", root)}\n` : path.endsWith("crl") ? issueRevocationList(world.rootCrl, world.keys) : root);
        });
        await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
        client = new KdsClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { cache: new FileCache(folder), offline: false, refreshAfter: Infinity });
    });
    afterEach(async () => {
        server.closeAllConnections();
        await new Promise((resolve) => { server.close(resolve); });
        await rm(folder, { recursive: true });
    });

    const chip = new Uint8Array(64).fill(0xab);

    it("asks for a VCEK by chip and TCB, and caches one for each TCB", async () => {
        const tcb = { bootloader: 3, tee: 0, snp: 8, microcode: 115 };
        await client.vcek("Milan", chip, tcb, NOW);
        await client.vcek("Milan", chip, tcb, NOW);
        await client.vcek("Milan", chip, { ...tcb, microcode: 116 }, NOW);
        const base = `/vcek/v1/Milan/${"ab".repeat(64)}?blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=`;
        assert.deepEqual(asked, [`${base}115`, `${base}116`]);
    });

    it("asks for Turin with the short chip id and the FMC version", async () => {
        await client.vcek("Turin", chip, { fmc: 1, bootloader: 3, tee: 0, snp: 8, microcode: 72 }, NOW);
        assert.deepEqual(asked, [`/vcek/v1/Turin/${"ab".repeat(8)}?fmcSPL=01&blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=72`]);
    });

    it("asks for chains and lists by product and key, and makes chains canonical", async () => {
        assert.equal(await client.certificateChain("Genoa", "vlek", NOW), encodePem("CERTIFICATE", root));
        await client.revocationList("Milan", "vcek", NOW);
        assert.deepEqual(asked, ["/vlek/v1/Genoa/cert_chain", "/vcek/v1/Milan/crl"]);
    });

    it("says which document is expired, and since when", async () => {
        await assert.rejects(client.revocationList("Milan", "vcek", NOW + 60 * 86_400_000),
            (error) => error instanceof EvidenceRefused && error.refusal.claim === "Milan CRL for vcek" && error.refusal.found.startsWith("expired on 2026-03-30T00:00:00Z"));
    });
});
