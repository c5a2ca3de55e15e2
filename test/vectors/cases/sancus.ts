// Vectors of the symmetric session with a Sancus module, at both security levels (docs/protocol.md section 10).
import assert from "node:assert/strict";
import { ascii, concat } from "../../../provider/protocol/bytes";
import { decodeUpdate, encodeUpdate, type KeyLength, type TableRecord } from "../../../provider/protocol/records";
import { ProtocolError, type RefusalCode } from "../../../provider/protocol/refusal";
import { decodeS1, decodeS2, decodeSancusActivate, encodeS1, encodeS2, encodeSancusActivate, openS3, provisioningKey, s4, sancusActivated, sealS3 } from "../../../provider/protocol/sancus-session";
import { encodeStatus, SUITE } from "../../../provider/protocol/status";
import { spongentMac } from "../../../provider/crypto/spongent";
import { fixed } from "../fixed";

type Vector = { name: string; notes: string } & Record<string, unknown>;
type Refused = Vector & { expect: "refused" };
const LEVELS = [8, 16] as const;

function session(length: 8 | 16): Vector & Record<"key" | "s1" | "s2" | "p" | "s3" | "s4" | "activate" | "nonceD" | "nonceM", Uint8Array> {
    const key = fixed(`sancus/key/${length}`, length);
    const nonceD = fixed(`sancus/nonceD/${length}`, 16);
    const nonceM = fixed(`sancus/nonceM/${length}`, 8);
    const incarnation = concat(nonceM, new Uint8Array(8));
    const status = encodeStatus({ state: 0, incarnation, generation: 0n, commandNext: 1n, kit: fixed("sancus/kit", 32), connections: [], grants: [] });
    const s1 = encodeS1(key, { purpose: 2, nonceD });
    assert.deepEqual(decodeS1(key, s1), { purpose: 2, nonceD });
    const s2 = encodeS2(key, s1, { nonceM, status });
    assert.deepEqual(decodeS2(key, s1, s2), { nonceM, status });
    const p = provisioningKey(key, nonceD, nonceM);
    const keyLength: KeyLength = length;
    const records: TableRecord[] = [
        {
            type: "set", connection: 0x01020304, endpoint: 0, direction: 1, delivery: 1, suite: length === 8 ? SUITE.spongeWrap64 : SUITE.spongeWrap128, reset: false,
            window: 4, epoch: 1n, key: fixed(`sancus/connection key/${length}`, length), firstCounter: 1n, lastCounter: 0xffff_ffff_ffff_ffffn,
        },
        { type: "close", connection: 0x05060708, retire: false },
    ];
    const plaintext = encodeUpdate({ incarnation, generation: 0n, records }, keyLength);
    const s3 = sealS3(p, nonceD, nonceM, plaintext);
    assert.deepEqual(decodeUpdate(openS3(p, nonceD, nonceM, s3), keyLength).records, records);
    const confirmed = s4(p, s3);
    const activate = encodeSancusActivate(p, confirmed);
    decodeSancusActivate(p, confirmed, activate);
    return { name: `${length * 8} bits`, notes: "`p` is the provisioning key; a zero byte follows a plaintext of odd length", key, nonceD, s1, nonceM, status, s2, p, records, plaintext, s3, s4: confirmed, activate, activated: sancusActivated(p, confirmed) };
}

export const sancusVectors = (): Vector[] => LEVELS.map(session);

const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === (at < 0 ? bytes.length + at : at) ? byte ^ 1 : byte));

export function refusedSancus(): Refused[] {
    return LEVELS.flatMap((length) => {
        const { key, nonceD, nonceM, s1, s2, p, s3, s4: confirmed, activate } = session(length);
        const mac = (tag: string, ...message: Uint8Array[]): Uint8Array => spongentMac(key, concat(ascii(tag), ...message));
        const otherS1 = encodeS1(key, { purpose: 2, nonceD: fixed("sancus/another nonceD", 16) });
        const s1Body = s1.subarray(0, 20);
        const remac = (body: Uint8Array, tag = "L1"): Uint8Array => concat(body, mac(tag, body));
        const onS1 = (m: Uint8Array): unknown => decodeS1(key, m);
        const onS2 = (m: Uint8Array): unknown => decodeS2(key, s1, m);
        const onS3 = (m: Uint8Array): unknown => openS3(p, nonceD, nonceM, m);
        const onActivate = (m: Uint8Array): void => decodeSancusActivate(p, confirmed, m);
        const cases: [string, Uint8Array, (message: Uint8Array) => unknown, RefusalCode][] = [
            ["S1 cut by one byte", s1.subarray(0, -1), onS1, 1],
            ["S1 with one more byte", concat(s1, Uint8Array.of(0)), onS1, 1],
            ["S1 of version 2", remac(s1Body.map((b, i) => (i === 2 ? 2 : b))), onS1, 1],
            ["S1 of purpose 3", remac(s1Body.map((b, i) => (i === 3 ? 3 : b))), onS1, 1],
            ["S1 with an altered nonce", flip(s1, 10), onS1, 2],
            ["S1 with an altered MAC", flip(s1, -1), onS1, 2],
            ["S1 whose MAC has the label of S2", remac(s1Body, "L2"), onS1, 2],
            ["S2 to another S1", encodeS2(key, otherS1, { nonceM, status: new Uint8Array(72) }), onS2, 2],
            ["S2 with an altered status", flip(s2, 40), onS2, 2],
            ["S2 with an odd status length", s2.map((b, i) => (i === 9 ? b ^ 1 : b)), onS2, 1],
            ["S2 cut by one byte", s2.subarray(0, -1), onS2, 1],
            ["S3 with an altered ciphertext", flip(s3, 5), onS3, 6],
            ["S3 with an altered tag", flip(s3, -1), onS3, 6],
            ["S3 of odd length", flip(s3, 1), onS3, 1],
            ["S3 with one more byte", concat(s3, Uint8Array.of(0)), onS3, 1],
            ["S3 of another session", sealS3(provisioningKey(key, nonceD, fixed("sancus/another nonceM", 8)), nonceD, nonceM, new Uint8Array(26)), onS3, 6],
            ["activation with an altered S4", flip(activate, 3), onActivate, 2],
            ["activation with an altered MAC", flip(activate, -1), onActivate, 2],
            ["activation cut by one byte", activate.subarray(0, -1), onActivate, 1],
            ["activation of another S3", encodeSancusActivate(p, s4(p, flip(s3, -1))), onActivate, 2],
        ];
        return cases.map(([name, message, decode, code]) => {
            assert.throws(() => decode(message), (error) => error instanceof ProtocolError && error.refusal === code, name);
            return { name: `${name}, ${length * 8} bits`, notes: `with the values of \`${length * 8} bits\``, expect: "refused" as const, message, code };
        });
    });
}
