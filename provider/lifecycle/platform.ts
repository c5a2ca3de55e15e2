// What a Node records of its platform and every appraisal of its modules uses: whose evidence it is, and where the
// collateral comes from.

import { rm } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { defaultCacheFolder, FileCache } from "../attest/collateral/cache";
import { collateralSources } from "../attest/collateral/clients";
import { EMULATED_PCS } from "../attest/collateral/emulated";
import type { RootSet } from "../attest/evidence";
import type { Trust } from "../attest/policy";
import { decodePem } from "../attest/x509/pem";
import { AuthenticError } from "../errors";
import { hex } from "../protocol/bytes";
import { sha256 } from "@noble/hashes/sha2";
import type { Attester } from "../tee/attester";
import { spkiOf } from "../tee/trustzone/evidence";
import { hexSchema } from "./schemas";
import { type Agent, surroundings } from "./surroundings";

/** A service with the interface of Intel's PCS. */
export const collateralUrlSchema = z.url({ protocol: /^https?$/, error: "must be the base URL of a service with the interface of Intel's PCS v4, such as https://api.trustedservices.intel.com" });

/** Names of machines: 16 bytes of an SGX platform, 33 of a PSA device. */
export const platformIdSchema = z.string().regex(/^(?:[0-9a-f]{32}|01[0-9a-f]{64})$/, "must be 32 lower-case hexadecimal digits for SGX, or 66 that begin with 01 for a PSA device");

/** Properties of a platform in state. Pinned when the Node is created. */
export const platformSchema = z.strictObject({
    /** What evidence names the machine by (SGX: platform instance id, else PPID; PSA: instance id). */
    id: platformIdSchema.optional(),
    /** Kind of the device (PSA: implementation id). */
    implementationId: hexSchema(32).optional(),
    /** The key that an emulated device signs evidence with, an uncompressed P-256 point: no certificate vouches for it. */
    attestationKey: hexSchema(65).optional(),
    /** Measurement of the firmware that the node's board runs. */
    firmware: hexSchema(32).optional(),
    /** The emulator's root certificate, PEM; absent for hardware, whose vendor's roots are built in. */
    root: z.string().optional(),
    /** SHA-256 of that certificate, for people to compare. */
    rootFingerprint: hexSchema(32).optional(),
    /** Family, model and stepping that collateral is for (SGX: FMSPC). */
    fmspc: hexSchema(6).optional(),
    collateralUrl: collateralUrlSchema.optional(),
});

export type Platform = z.infer<typeof platformSchema>;

/** What an agent says about the platform of its emulated TEE. */
export interface ReportedPlatform {
    readonly id: string;
    /** PEM. */
    readonly root: string;
    readonly fmspc: string;
}

/** The platform of an emulated node as it is pinned. */
export function pinned({ id, root, fmspc }: ReportedPlatform): Platform {
    return { id, root, rootFingerprint: hex(sha256(rootOf(root))), fmspc };
}

/**
 * How a platform differs from the pinned one.
 *
 * @returns for people; undefined where it is the same
 */
export function replacement(before: Platform, found: Platform | undefined): string | undefined {
    const named = (["rootFingerprint", "id", "fmspc", "implementationId", "attestationKey"] as const).find((key) => before[key] !== undefined && before[key] !== found?.[key]);
    return named === undefined ? undefined
        : `the platform was replaced: its ${NAMES[named]} was ${shortened(before[named])} and is ${shortened(found?.[named])}`;
}

/** What an update says of a node whose platform is another one. */
export function otherPlatform(node: string, difference: string): AuthenticError {
    return new AuthenticError("AE-NODE-PLATFORM", `node "${node}": ${difference}`,
        "find out who replaced it; to trust the new one, replace the node: `pulumi up --target-replace URN --target-dependents` with its URN of `pulumi stack --show-urns`");
}

const NAMES = { rootFingerprint: "root certificate", id: "identity", fmspc: "FMSPC", implementationId: "kind", attestationKey: "attestation key" } as const;

function shortened(text: string | undefined): string {
    return text === undefined ? "unknown" : text.length > 16 ? `${text.slice(0, 16)}…` : text;
}

/** A node as appraisal needs it. */
export interface AttesterState {
    readonly tee: string;
    readonly backend?: "hardware" | "emulated" | undefined;
    readonly nodeFolder: string;
    readonly signer?: string | undefined;
    readonly platform?: Platform | undefined;
}

/** The attester that a module is. */
export function attesterOf({ backend, nodeFolder, signer, platform = {} }: AttesterState, trust: Trust): Attester {
    const roots: RootSet = backend === "emulated" ? { assurance: "emulated", anchors: anchorsOf(platform) } : { assurance: "hardware" };
    const { id: platformId, implementationId, firmware } = platform;
    return { roots, signer, platformId, implementationId, firmware, collateral: backend === "emulated" ? emulatedSources(nodeFolder, platform, trust) : hardwareSources(platform, trust) };
}

function hardwareSources({ collateralUrl }: Platform, { collateral }: Trust) {
    return collateralSources(collateralUrl === undefined ? collateral : { ...collateral, pcs: collateralUrl.replace(/\/+$/, ""), rootCrl: undefined });
}

/** An emulated platform has a service of its own behind its agent. What it says is signed under the pinned root. */
function emulatedSources(nodeFolder: string, platform: Platform, { collateral }: Trust) {
    const agent: Promise<Agent> = surroundings().then((all) => all.agent(nodeFolder));
    return collateralSources({ ...collateral, pcs: EMULATED_PCS, rootCrl: undefined }, {
        cache: new FileCache(cacheFolder(platform, collateral.cache)),
        get: async (url) => (await agent).collateral(url.slice(EMULATED_PCS.length)),
    });
}

/** Every emulated platform has a cache of its own, for the addresses of their services are the same. */
function cacheFolder({ rootFingerprint = "unknown" }: Platform, cache: string | undefined): string {
    return path.join(cache ?? defaultCacheFolder(), "emulated", rootFingerprint);
}

/** Forgets what was fetched from an emulated platform that is gone. */
export async function forgetCollateral(platform: Platform, trust: Trust): Promise<void> {
    if (platform.rootFingerprint !== undefined) {
        await rm(cacheFolder(platform, trust.collateral.cache), { recursive: true, force: true });
    }
}

/** What was recorded of an emulated platform: its root certificate, or a device's own key. */
function anchorsOf({ root, attestationKey }: Platform): Uint8Array[] {
    return [...(root === undefined ? [] : [rootOf(root)]), ...(attestationKey === undefined ? [] : [spkiOf({ publicKey: attestationKey })])];
}

function rootOf(pem: string): Uint8Array {
    const [der = new Uint8Array(0)] = decodePem(pem, "CERTIFICATE", "the platform's root certificate");
    return der;
}
