// Worlds of SEV-SNP tests: a hierarchy, its files and roots, and the call that appraises a report in it.
import type { AmdProduct } from "../../../provider/attest/collateral/kds";
import type { Verdict } from "../../../provider/attest/evidence";
import { snp } from "../../../provider/attest/snp";
import { appraise, type Appraising } from "../appraising";
import { certificate, chainFields, listFields, NOW, revocationList, type TestCertificate, type TestExtension } from "./authority";
import { hardwareIdOf } from "./report";

/** The certificates of a hierarchy before they are signed. */
export type Fields = ReturnType<typeof chainFields>;

/** What a test varies. */
export interface World {
    readonly product?: AmdProduct;
    readonly key?: "VCEK" | "VLEK";
    /** Changes certificates before they are signed. */
    readonly change?: (fields: Fields) => Partial<Fields>;
    readonly list?: Uint8Array | null;
}

/** The collateral files of a test hierarchy, and its root set. */
export function world({ product = "Milan", key = "VCEK", change, list }: World = {}): Required<Pick<Appraising, "collateral" | "roots">> & { files: Record<keyof Fields, Uint8Array> } {
    const original = chainFields(product, key, hardwareIdOf(product));
    const fields = { ...original, ...change?.(original) };
    const files = { leaf: certificate(fields.leaf), authority: certificate(fields.authority), root: certificate(fields.root) };
    const lists = list === null ? [] : [list ?? revocationList(listFields(product))];
    return { files, collateral: [...Object.values(files), ...lists], roots: { assurance: "emulated", anchors: [files.root] } };
}

/** Appraises a report, in a well-formed world unless the options bring another. */
export const run = (report: Uint8Array, options: Appraising = {}): Verdict =>
    appraise(snp, report, { ...(options.collateral === undefined ? world() : {}), emulated: true, at: NOW, ...options });

/** A certificate with another value of one extension, or, for null, without it. */
export const replaceExtension = (certificateFields: TestCertificate, id: string, value: Uint8Array | null): TestCertificate => ({
    ...certificateFields,
    extensions: certificateFields.extensions.flatMap((extension): TestExtension[] =>
        extension.id !== id ? [extension] : value === null ? [] : [{ ...extension, value }]),
});

/** A world whose leaf has another value of one extension, or lacks it. */
export const leafWith = (id: string, value: Uint8Array | null): ReturnType<typeof world> => world({ change: ({ leaf }) => ({ leaf: replaceExtension(leaf, id, value) }) });
