// The keys of an emulated SGX platform (runtime/sgx-platform/src/keys.rs), to sign what its service would not say by itself.
import { createECDH, createPrivateKey, sign, type KeyObject, X509Certificate } from "node:crypto";
import * as fs from "node:fs";
import { DerReader, Tag } from "../../provider/attest/x509/der";
import { magnitude } from "../attest/pki/x509";
import { bits, seq, utcTime } from "../attest/snp/der";

const MAGIC = 16;
const SCALAR = 32;
const SCALARS = 5;
const IDENTITY = 16 + 6;
/** Places in the file, of scalars and of certificates. */
const PLACES = { pckCa: 1, pck: 2, tcbSigning: 3 } as const;

/** A platform's file. */
export class PlatformKeys {
    private readonly bytes: Buffer;

    constructor(file: string) {
        this.bytes = fs.readFileSync(file);
    }

    private key(whose: keyof typeof PLACES): KeyObject {
        const d = this.bytes.subarray(MAGIC + PLACES[whose] * SCALAR, MAGIC + (PLACES[whose] + 1) * SCALAR);
        const ecdh = createECDH("prime256v1");
        ecdh.setPrivateKey(d);
        const [x, y] = [ecdh.getPublicKey().subarray(1, 33), ecdh.getPublicKey().subarray(33)].map((part) => part.toString("base64url"));
        return createPrivateKey({ key: { kty: "EC", crv: "P-256", d: d.toString("base64url"), x, y }, format: "jwk" });
    }

    private certificate(whose: keyof typeof PLACES): X509Certificate {
        let at = MAGIC + SCALARS * SCALAR + IDENTITY;
        for (let left = PLACES[whose]; left > 0; left--) at += 2 + this.bytes.readUInt16LE(at);
        return new X509Certificate(this.bytes.subarray(at + 2, at + 2 + this.bytes.readUInt16LE(at)));
    }

    /** A document of TCB information with something changed in it. */
    tcbInfo(genuine: Uint8Array, change: (info: Record<string, unknown>) => void): Buffer {
        const { tcbInfo } = JSON.parse(Buffer.from(genuine).toString("utf8")) as { tcbInfo: Record<string, unknown> };
        change(tcbInfo);
        const text = JSON.stringify(tcbInfo);
        const signature = sign("sha256", Buffer.from(text), { key: this.key("tcbSigning"), dsaEncoding: "ieee-p1363" }).toString("hex");
        return Buffer.from(`{"tcbInfo":${text},"signature":"${signature}"}`);
    }

    /** A revocation list of the PCK CA, DER, with the platform's PCK certificate on it. */
    revoking(genuine: Uint8Array, at: number): Uint8Array {
        const reader = new DerReader(genuine, "list").only(Tag.sequence, "list").enter(Tag.sequence, "content");
        const parts: Uint8Array[] = [];
        while (!reader.done) parts.push(reader.any("part").encoded);
        const serial = Buffer.from(this.certificate("pck").serialNumber, "hex");
        const content = seq(...parts.slice(0, -1), seq(seq(magnitude(serial), utcTime(at))), parts.at(-1)!);
        return seq(content, parts[1]!, bits(sign("sha256", content, this.key("pckCa"))));
    }
}
