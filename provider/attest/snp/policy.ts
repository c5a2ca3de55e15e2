// Section `authentic:trust.snp`, and the reference values of one confidential virtual machine.

import { z } from "zod";
import type { AmdProduct } from "../collateral/kds";
import { hexString, oneOrMore, setOf, unsignedInteger } from "../policy-types";

const version = unsignedInteger(8).default(0);

const product: z.ZodType<AmdProduct> = z.enum(["Milan", "Genoa", "Turin"]);

/** Least versions of the components of one product's TCB; absent ones are not required. */
const tcbSchema = z.strictObject({ fmc: version, bootloader: version, tee: version, snp: version, microcode: version });

/** Policy for SEV-SNP reports. */
export const snpPolicySchema = z.strictObject({
    /** Whether a current revocation list has to be there. One that is there is always checked. */
    revocation: z.enum(["required", "optional"]).default("required"),
    /** Product lines that are accepted. */
    products: setOf(product).prefault(["Milan", "Genoa", "Turin"]),
    /** Enrolled machines, by CHIP_ID; by default every genuine machine. */
    platforms: setOf(hexString(64)).optional(),
    /** Keys that may sign: of the chip (`vcek`), or of a cloud provider (`vlek`), which then has to be listed too. */
    endorsementKeys: setOf(z.enum(["vcek", "vlek"])).prefault(["vcek"]),
    /** Providers whose VLEKs are accepted, by the CSP id of the certificate. */
    cspIds: setOf(z.string().min(1).max(128)).prefault([]),
    /** Least TCB by product line: required of the reported, the committed and the launch TCB. */
    minimumTcb: z.partialRecord(product, tcbSchema.prefault({})).default({}),
    /** Whether a guest that its host may debug is accepted. */
    debug: z.boolean().default(false),
    /** Whether a guest that a migration agent may move is accepted. */
    migrationAgent: z.boolean().default(false),
    /** Whether simultaneous multithreading may be allowed to the guest and enabled on the platform. */
    smt: z.boolean().default(true),
    /** The privilege level that the report has to come from. */
    vmpl: z.int().min(0).max(3).default(0),
    /** Whether a report without the chip's identifier is accepted. */
    maskedChipId: z.boolean().default(false),
    /** The memory alias check (CVE-2024-21944): in every report, in those of versions that have it (from 3 on), or not at all. */
    aliasCheck: z.enum(["required", "where-reported", "ignored"]).default("where-reported"),
}).prefault({});

/** A complete SEV-SNP policy. */
export type SnpPolicy = z.infer<typeof snpPolicySchema>;

/** Reference values of one virtual machine. What is not stated is not compared, except the measurement, which has to be. */
export const snpReferencesSchema = z.strictObject({
    measurement: oneOrMore(hexString(48)),
    /** Set by the host at launch: zero unless stated. */
    hostData: hexString(32).default("00".repeat(32)),
    idKeyDigest: oneOrMore(hexString(48)).optional(),
    authorKeyDigest: oneOrMore(hexString(48)).optional(),
    familyId: hexString(16).optional(),
    imageId: hexString(16).optional(),
    minGuestSvn: unsignedInteger(32).default(0),
    /** CHIP_ID of the machine that was enrolled for this node. */
    platform: hexString(64).optional(),
});

/** Reference values of one virtual machine. */
export type SnpReferences = z.infer<typeof snpReferencesSchema>;
