// The extensions that AMD's KDS puts into VCEK and VLEK certificates, and the layouts of TCB versions that they name.
//
// AMD, "Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface Specification", publication 57230, revision
// 1.00, section 3.1: VCEK extensions by family, VLEK extensions. TCB_VERSION: publication 56860, table 3.
import type { AmdProduct, AmdTcb } from "../collateral/kds";
import { equalBytes, hex, isZero } from "../bytes";
import { malformed, refuse } from "../refusal";
import type { Certificate } from "../x509/certificate";
import { DerReader, Tag } from "../x509/der";
import type { RawTcb, SnpReport } from "./parse";

const ARC = "1.3.6.1.4.1.3704.1";
const OID = { structVersion: `${ARC}.1`, productName: `${ARC}.2`, spl: `${ARC}.3`, hardwareId: `${ARC}.4`, cspId: `${ARC}.5` };

/** How one product lays out its TCB version and names its chips. */
interface ProductLayout {
    /** Version of the extension structure. */
    readonly structVersion: number;
    /** Component → byte of the TCB version and last arc of its extension. The remaining bytes are reserved. */
    readonly components: Readonly<Record<string, readonly [byte: number, arc: number]>>;
    /** Bytes of hwID; the rest of CHIP_ID is zero. */
    readonly hardwareIdLength: number;
    /** CPUID families and models of the product line, from `first` to `last`. */
    readonly processors: readonly { readonly family: number; readonly first: number; readonly last: number }[];
}

const MILAN_TCB = { bootloader: [0, 1], tee: [1, 2], snp: [6, 3], microcode: [7, 8] } as const;

const LAYOUTS: Readonly<Record<AmdProduct, ProductLayout>> = {
    Milan: { structVersion: 0, components: MILAN_TCB, hardwareIdLength: 64, processors: [{ family: 0x19, first: 0x00, last: 0x0f }] },
    // Bergamo and Siena (models A0–AF) have Genoa's keys.
    Genoa: { structVersion: 0, components: MILAN_TCB, hardwareIdLength: 64, processors: [{ family: 0x19, first: 0x10, last: 0x1f }, { family: 0x19, first: 0xa0, last: 0xaf }] },
    Turin: {
        structVersion: 1,
        components: { fmc: [0, 9], bootloader: [1, 1], tee: [2, 2], snp: [3, 3], microcode: [7, 8] },
        hardwareIdLength: 8,
        processors: [{ family: 0x1a, first: 0x00, last: 0x1f }],
    },
};

/** The product lines that have a verifier. */
export const PRODUCTS = Object.keys(LAYOUTS) as readonly AmdProduct[];

/**
 * Reads a TCB version in the layout of a product.
 *
 * @param raw - 8 bytes
 * @param field - its name in refusals, `REPORTED_TCB`
 * @throws EvidenceRefused when a reserved byte is set, as it is where the layout is another product's
 */
export function decodeTcb(product: AmdProduct, raw: RawTcb, field: string): AmdTcb {
    const components = Object.entries(LAYOUTS[product].components);
    const used = new Set(components.map(([, [byte]]) => byte));
    if (raw.some((value, index) => value !== 0 && !used.has(index))) {
        throw malformed(`SNP report: ${field}`, hex(raw), `the reserved bytes of ${product}'s layout zero`);
    }
    return Object.fromEntries(components.map(([name, [byte]]) => [name, raw[byte] ?? 0])) as unknown as AmdTcb;
}

/** What a leaf certificate says about the key's platform. */
export interface EndorsedPlatform {
    readonly tcb: AmdTcb;
    /** The provider that a VLEK was issued to; null for a VCEK. */
    readonly cspId: string | null;
}

/**
 * Checks the leaf certificate's extensions against the report that its key signed.
 *
 * @param product - from the verified chain
 * @param leaf - the verified VCEK or VLEK certificate
 * @param maskedChipId - whether the policy accepts a report whose CHIP_ID is masked to zero
 * @throws EvidenceRefused naming the extension
 */
export function checkEndorsedPlatform(product: AmdProduct, leaf: Certificate, report: SnpReport, maskedChipId: boolean): EndorsedPlatform {
    const layout = LAYOUTS[product];
    const document = `${report.signingKey} certificate`;
    const integer = (oid: string, field: string): number => integerExtension(leaf, oid, `${document}: ${field}`);

    const structVersion = integer(OID.structVersion, "structure version");
    if (structVersion !== layout.structVersion) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: structure version`, String(structVersion), `${layout.structVersion} for ${product}`);
    }
    checkProductName(product, leaf, document);

    const tcb = decodeTcb(product, report.reportedTcb, "REPORTED_TCB");
    for (const [name, [byte, arc]] of Object.entries(layout.components)) {
        const certified = integer(`${OID.spl}.${arc}`, `${name} version`);
        if (certified !== report.reportedTcb[byte]) {
            throw refuse("AE-ATTEST-CHAIN", `${document}: ${name} version`, String(certified), `${String(report.reportedTcb[byte])}, the report's REPORTED_TCB`);
        }
    }
    checkReservedVersions(layout, leaf, document);
    checkChip(layout, leaf, report, document, maskedChipId);
    return { tcb, cspId: report.signingKey === "VLEK" ? textExtension(leaf, OID.cspId, `${document}: CSP id`) : null };
}

/** Refuses a report whose CPUID names another product than its chain does. Version 2 has no CPUID. */
export function checkProcessor(product: AmdProduct, report: SnpReport): void {
    const { processor } = report;
    if (processor === null) {
        return;
    }
    if (!isOf(product, processor)) {
        throw refuse("AE-ATTEST-CHAIN", "SNP report: CPUID", `family ${processor.family}, model ${processor.model}`, `a processor of the ${product} line, which the certificate chain is of`);
    }
}

/**
 * The product lines that a report may be of. Version 2 has no CPUID, and Milan and Genoa look alike in it; Turin's chip
 * id has only 8 bytes.
 *
 * @returns at least one, the likeliest first
 * @throws EvidenceRefused for a processor of no known line
 */
export function possibleProducts(report: SnpReport): readonly AmdProduct[] {
    if (report.processor === null) {
        return isZero(report.chipId.subarray(LAYOUTS.Turin.hardwareIdLength)) ? ["Turin"] : ["Milan", "Genoa"];
    }
    const products = PRODUCTS.filter((name) => isOf(name, report.processor));
    if (products.length === 0) {
        const { family, model } = report.processor;
        throw refuse("AE-ATTEST-UNSUPPORTED", "SNP report: CPUID", `family ${family}, model ${model}`, `a processor of ${PRODUCTS.join(", ")}`);
    }
    return products;
}

function isOf(product: AmdProduct, processor: SnpReport["processor"]): boolean {
    return LAYOUTS[product].processors.some(({ family, first, last }) =>
        processor !== null && processor.family === family && processor.model >= first && processor.model <= last);
}

function checkProductName(product: AmdProduct, leaf: Certificate, document: string): void {
    const name = textExtension(leaf, OID.productName, `${document}: product name`);
    // `Milan-B0` and the like in a VCEK, the bare line in a VLEK.
    if (name !== product && !name.startsWith(`${product}-`)) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: product name`, `"${name}"`, `"${product}" or "${product}-" and a stepping`);
    }
}

// spl4 to spl7 stand for reserved bytes of the TCB version, which the report has as zero.
function checkReservedVersions(layout: ProductLayout, leaf: Certificate, document: string): void {
    const used = new Set(Object.values(layout.components).map(([, arc]) => arc));
    for (const arc of [4, 5, 6, 7, 9]) {
        const oid = `${OID.spl}.${arc}`;
        if (used.has(arc) || !leaf.extensions.has(oid)) {
            continue;
        }
        const value = integerExtension(leaf, oid, `${document}: spl${arc}`);
        if (arc === 9 || value !== 0) {
            throw refuse("AE-ATTEST-CHAIN", `${document}: spl${arc}`, String(value), "absent or 0, as the TCB version's reserved bytes");
        }
    }
}

function checkChip(layout: ProductLayout, leaf: Certificate, report: SnpReport, document: string, maskedChipId: boolean): void {
    // Raw bytes, not DER: a value beginning with 02 or 04 only looks like an INTEGER or OCTET STRING.
    const hardwareId = leaf.extensions.get(OID.hardwareId)?.value;
    const masked = isZero(report.chipId);
    if (masked && !maskedChipId) {
        throw refuse("AE-ATTEST-BINDING", "SNP report: CHIP_ID", "masked by the host", "the identifier of the chip", "authentic:trust.snp.maskedChipId");
    }
    if (report.signingKey === "VLEK") {
        if (hardwareId !== undefined) {
            throw refuse("AE-ATTEST-CHAIN", `${document}: hwID`, "present", "absent: a VLEK belongs to a provider, not to a chip");
        }
        return;
    }
    if (hardwareId?.length !== layout.hardwareIdLength) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: hwID`, hardwareId === undefined ? "absent" : `${hardwareId.length} bytes`, `${layout.hardwareIdLength} bytes`);
    }
    if (masked) {
        return;
    }
    const length = layout.hardwareIdLength;
    if (!equalBytes(report.chipId.subarray(0, length), hardwareId) || !isZero(report.chipId.subarray(length))) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: hwID`, hex(hardwareId), `${hex(report.chipId)}, the report's CHIP_ID`);
    }
}

function extensionReader(leaf: Certificate, oid: string, field: string): DerReader {
    const extension = leaf.extensions.get(oid);
    if (extension === undefined) {
        throw refuse("AE-ATTEST-CHAIN", field, "absent", `extension ${oid}`);
    }
    return new DerReader(extension.value, field);
}

function integerExtension(leaf: Certificate, oid: string, field: string): number {
    const reader = extensionReader(leaf, oid, field);
    const value = reader.smallInteger("value");
    reader.end("value");
    if (value > 255) {
        throw malformed(field, String(value), "a version of one byte");
    }
    return value;
}

function textExtension(leaf: Certificate, oid: string, field: string): string {
    const reader = extensionReader(leaf, oid, field);
    const { content } = reader.read(Tag.ia5String, "value");
    reader.end("value");
    const text = Buffer.from(content).toString("latin1");
    if (!/^[\x20-\x7e]{1,128}$/.test(text)) {
        throw malformed(field, "other characters or length", "1 to 128 printable characters");
    }
    return text;
}
