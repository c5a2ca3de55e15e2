// The SGX extension of PCK certificates, from the platform's facts.
import { int, octets, oid, seq, tlv } from "../snp/der";

/** Facts of a platform. */
export interface PckFacts {
    ppid: Uint8Array;
    components: number[];
    pceSvn: number;
    pceId: Uint8Array;
    fmspc: Uint8Array;
    sgxType: number;
    /** Only for the Platform CA. */
    platform: { instanceId: Uint8Array; dynamicPlatform: boolean; cachedKeys: boolean; smtEnabled: boolean } | null;
}

const SGX_EXTENSION = "1.2.840.113741.1.13.1";

function member(suffix: string, value: Uint8Array): Uint8Array {
    return seq(oid(`${SGX_EXTENSION}.${suffix}`), value);
}

function boolean(value: boolean): Uint8Array {
    return tlv(0x01, Uint8Array.of(value ? 0xff : 0x00));
}

/** Encodes the extension's value. */
export function pckExtension(facts: PckFacts): Uint8Array {
    const { platform } = facts;
    return seq(
        member("1", octets(facts.ppid)),
        member("2", seq(
            ...facts.components.map((svn, index) => member(`2.${index + 1}`, int(svn))),
            member("2.17", int(facts.pceSvn)),
            // The components again, as in every published certificate.
            member("2.18", octets(Uint8Array.from(facts.components))),
        )),
        member("3", octets(facts.pceId)),
        member("4", octets(facts.fmspc)),
        member("5", tlv(0x0a, Uint8Array.of(facts.sgxType))),
        ...(platform === null ? [] : [
            member("6", octets(platform.instanceId)),
            member("7", seq(
                member("7.1", boolean(platform.dynamicPlatform)),
                member("7.2", boolean(platform.cachedKeys)),
                member("7.3", boolean(platform.smtEnabled)),
            )),
        ]),
    );
}
