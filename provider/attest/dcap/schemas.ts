// Schemas of TCB information v3 and QE identity v2 (Intel PCS API v4). Unknown members are refused:
// a member that this verifier does not evaluate may be one that it ought to.

import { z } from "zod";
import { instant } from "../clock";
import { TCB_STATUSES } from "./tcb-status";

const date = z.string().refine((text) => instant(text) !== null, "must be an instant");
const upperHex = (bytes: number): z.ZodType<string> => z.string().regex(new RegExp(`^[0-9A-F]{${2 * bytes}}$`)).transform((text) => text.toLowerCase());
const byte = z.int().min(0).max(0xff);
const word = z.int().min(0).max(0xffff);
const count = z.int().min(0).max(0xffffffff);
const advisories = z.array(z.string().regex(/^INTEL-SA-\d{5}$/)).default([]);
const status = z.enum(TCB_STATUSES);

const component = z.strictObject({ svn: byte, category: z.string().optional(), type: z.string().optional() });
const components = z.array(component).length(16).transform((list) => list.map(({ svn }) => svn));

const levelShape = { tcbDate: date, tcbStatus: status, advisoryIDs: advisories };

const isvLevels = z.array(z.strictObject({ tcb: z.strictObject({ isvsvn: word }), ...levelShape })).min(1);

const seamIdentityShape = { mrsigner: upperHex(48), attributes: upperHex(8), attributesMask: upperHex(8) };

const tcbInfoShape = {
    version: z.literal(3),
    issueDate: date,
    nextUpdate: date,
    fmspc: upperHex(6),
    pceId: upperHex(2),
    tcbType: z.literal(0),
    tcbEvaluationDataNumber: count,
};

const sgxTcbLevel = z.strictObject({ tcb: z.strictObject({ sgxtcbcomponents: components, pcesvn: word }), ...levelShape });
const tdxTcbLevel = z.strictObject({
    tcb: z.strictObject({ sgxtcbcomponents: components, pcesvn: word, tdxtcbcomponents: components }),
    ...levelShape,
});

/** TCB information of SGX platforms. */
export const sgxTcbInfoSchema = z.strictObject({ id: z.literal("SGX"), ...tcbInfoShape, tcbLevels: z.array(sgxTcbLevel).min(1) });

/** TCB information of TDX platforms. */
export const tdxTcbInfoSchema = z.strictObject({
    id: z.literal("TDX"),
    ...tcbInfoShape,
    tdxModule: z.strictObject(seamIdentityShape),
    tdxModuleIdentities: z.array(z.strictObject({
        id: z.string().regex(/^TDX_[0-9A-F]{2}$/),
        ...seamIdentityShape,
        tcbLevels: isvLevels,
    })).default([]),
    tcbLevels: z.array(tdxTcbLevel).min(1),
});

/** Identity of a quoting enclave. */
export const qeIdentitySchema = z.strictObject({
    id: z.enum(["QE", "TD_QE"]),
    version: z.literal(2),
    issueDate: date,
    nextUpdate: date,
    tcbEvaluationDataNumber: count,
    miscselect: upperHex(4),
    miscselectMask: upperHex(4),
    attributes: upperHex(16),
    attributesMask: upperHex(16),
    mrsigner: upperHex(32),
    isvprodid: word,
    tcbLevels: isvLevels,
});

export type SgxTcbInfo = z.infer<typeof sgxTcbInfoSchema>;
export type TdxTcbInfo = z.infer<typeof tdxTcbInfoSchema>;
export type TcbInfo = SgxTcbInfo | TdxTcbInfo;
export type QeIdentity = z.infer<typeof qeIdentitySchema>;
/** A level of a quoting enclave or TDX module. */
export type IsvLevel = QeIdentity["tcbLevels"][number];
