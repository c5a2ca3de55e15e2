// The SGX extension of PCK certificates (Intel SGX PCK Certificate and CRL Profile, §1.3.5): what was provisioned.

import { hex } from "../bytes";
import { malformed } from "../refusal";
import type { Certificate } from "../x509/certificate";
import { DerReader, Tag } from "../x509/der";

/** Object identifier of the SGX extension. */
export const SGX_EXTENSION = "1.2.840.113741.1.13.1";

/** Platform facts that Intel certifies with the PCK. */
export interface PckPlatform {
    /** Platform provisioning id, 32 hexadecimal digits. */
    readonly ppid: string;
    /** Security versions of the 16 TCB components. */
    readonly components: readonly number[];
    readonly pceSvn: number;
    readonly cpuSvn: string;
    /** 4 hexadecimal digits. */
    readonly pceId: string;
    /** Family, model, stepping, platform type, customer SKU: 12 hexadecimal digits. */
    readonly fmspc: string;
    readonly sgxType: "standard" | "scalable" | "scalableWithIntegrity";
    /** Only in certificates of the Platform CA. */
    readonly platformInstanceId: string | null;
    /** Only in certificates of the Platform CA; null elsewhere. */
    readonly configuration: { readonly dynamicPlatform: boolean; readonly cachedKeys: boolean; readonly smtEnabled: boolean } | null;
}

const SGX_TYPES = ["standard", "scalable", "scalableWithIntegrity"] as const;
const COMPONENTS = 16;

/** Reads the SGX extension of a PCK certificate; members appear in the order of the profile. */
export function readPckPlatform(certificate: Certificate, document: string): PckPlatform {
    const extension = certificate.extensions.get(SGX_EXTENSION);
    if (extension === undefined) {
        throw malformed(`${document}: SGX extension`, "absent", "present");
    }
    const list = new DerReader(extension.value, document).only(Tag.sequence, "SGX extension");
    const ppid = hex(octets(list, "1", 16, "PPID"));
    const tcb = member(list, "2", "TCB").enter(Tag.sequence, "TCB");
    const components = Array.from({ length: COMPONENTS }, (_, index) => svn(tcb, `2.${index + 1}`, 0xff));
    const pceSvn = svn(tcb, "2.17", 0xffff);
    const cpuSvn = hex(octets(tcb, "2.18", 16, "CPUSVN"));
    tcb.end("TCB");
    const pceId = hex(octets(list, "3", 2, "PCEID"));
    const fmspc = hex(octets(list, "4", 6, "FMSPC"));
    const typeMember = member(list, "5", "SGX type");
    const sgxType = SGX_TYPES[typeMember.enumerated("SGX type")];
    if (sgxType === undefined) {
        throw list.error("SGX type", "another value", SGX_TYPES.join(", "));
    }
    const platform = list.done ? null : readPlatformMembers(list);
    list.end("SGX extension");
    return {
        ppid, components, pceSvn, cpuSvn, pceId, fmspc, sgxType,
        platformInstanceId: platform?.instanceId ?? null,
        configuration: platform?.configuration ?? null,
    };
}

function readPlatformMembers(list: DerReader): { instanceId: string; configuration: NonNullable<PckPlatform["configuration"]> } {
    const instanceId = hex(octets(list, "6", 16, "platform instance id"));
    const settings = member(list, "7", "configuration").enter(Tag.sequence, "configuration");
    const configuration = {
        dynamicPlatform: member(settings, "7.1", "dynamic platform").boolean("dynamic platform"),
        cachedKeys: member(settings, "7.2", "cached keys").boolean("cached keys"),
        smtEnabled: member(settings, "7.3", "SMT enabled").boolean("SMT enabled"),
    };
    settings.end("configuration");
    return { instanceId, configuration };
}

/** Enters the next (identifier, value) pair, which has to have this identifier; the value is read next. */
function member(list: DerReader, suffix: string, field: string): DerReader {
    const pair = list.enter(Tag.sequence, field);
    const id = pair.oid(field);
    if (id !== `${SGX_EXTENSION}.${suffix}`) {
        throw list.error(field, id, `${SGX_EXTENSION}.${suffix}`);
    }
    // The pair holds exactly one value: look ahead, so that callers read it without a further check.
    const value = pair.any(field);
    pair.end(field);
    return new DerReader(value.encoded, list.document);
}

function octets(list: DerReader, suffix: string, length: number, field: string): Uint8Array {
    const { content } = member(list, suffix, field).read(Tag.octetString, field);
    if (content.length !== length) {
        throw list.error(field, `${content.length} bytes`, `${length} bytes`);
    }
    return content;
}

function svn(list: DerReader, suffix: string, maximum: number): number {
    const value = member(list, suffix, "TCB component").smallInteger("TCB component");
    if (value > maximum) {
        throw list.error("TCB component", String(value), `at most ${maximum}`);
    }
    return value;
}
