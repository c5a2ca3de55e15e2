// A collateral service on loopback with the PCS v4 interface, whose answers a test can disturb.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { build, type World } from "./intel";

/** One answer. */
export interface Answer {
    readonly status?: number;
    readonly headers?: Record<string, string>;
    readonly body: Uint8Array | string;
}

/** Replaces an answer; undefined gives the usual one. */
export type Disturbance = (path: string, count: number) => Answer | undefined;

/** The running service. */
export interface CollateralService {
    readonly url: string;
    /** Paths that were asked for, in order. */
    readonly requests: string[];
    disturb: Disturbance;
    stop(): Promise<void>;
}

/**
 * Serves the collateral of a world.
 *
 * @param built - what the world made, where its evidence is used too: every root certificate is another one
 */
export async function serveCollateral(world: World, built = build(world)): Promise<CollateralService> {
    const { collateral } = built;
    const tee = world.td === null ? "sgx" : "tdx";
    const answers: Record<string, Answer> = {
        [`/${tee}/certification/v4/tcb?fmspc=${Buffer.from(world.facts.fmspc).toString("hex")}`]: {
            headers: { "TCB-Info-Issuer-Chain": encodeURIComponent(collateral.tcbInfoIssuerChain) },
            body: `{"tcbInfo":${collateral.tcbInfo},"signature":"${collateral.tcbInfoSignature}"}`,
        },
        [`/${tee}/certification/v4/qe/identity`]: {
            headers: { "SGX-Enclave-Identity-Issuer-Chain": encodeURIComponent(collateral.qeIdentityIssuerChain) },
            body: `{"enclaveIdentity":${collateral.qeIdentity},"signature":"${collateral.qeIdentitySignature}"}`,
        },
        "/sgx/certification/v4/pckcrl?ca=platform&encoding=der": {
            headers: { "SGX-PCK-CRL-Issuer-Chain": encodeURIComponent(collateral.pckCrlIssuerChain) },
            body: collateral.pckCrl,
        },
        "/sgx/certification/v4/rootcacrl": { body: Buffer.from(collateral.rootCaCrl).toString("hex") },
    };
    const requests: string[] = [];
    const service = { requests, disturb: (() => undefined) as Disturbance };
    const respond = (request: IncomingMessage, response: ServerResponse): void => {
        const path = request.url ?? "";
        requests.push(path);
        const answer = service.disturb(path, requests.filter((earlier) => earlier === path).length) ?? answers[path] ?? { status: 404, body: "" };
        response.writeHead(answer.status ?? 200, answer.headers);
        response.end(answer.body);
    };
    const server = createServer(respond);
    await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
    const { port } = server.address() as AddressInfo;
    return Object.assign(service, { url: `http://127.0.0.1:${port}`, stop: () => stop(server) });
}

async function stop(server: Server): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => { server.close(resolve); });
}
