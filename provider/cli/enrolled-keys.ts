// `--key`: device keys given as files, put where the policy of the evidence type enrolls them.

import { hex } from "../attest/bytes";
import type { EvidenceName } from "../attest/evidence";
import { ed25519Key } from "../attest/keystone/verify";
import { parseRsaKey } from "../attest/optee/key";
import type { Trust } from "../attest/policy";
import { EvidenceRefused } from "../attest/refusal";
import { parsePublicKey } from "../attest/x509/algorithm";
import { readX509Files } from "../attest/x509/files";
import { encodePem } from "../attest/x509/pem";
import { AuthenticError } from "../errors";
import { readInput } from "./files";

/**
 * Adds keys to the enrolled devices of a policy.
 *
 * @param trust - the policy of the call; a changed copy is returned
 * @param name - the evidence type
 * @param paths - PEM or DER of a SubjectPublicKeyInfo; for Keystone also the 32 bytes of the key
 * @param instances - instance ids of PSA devices, hexadecimal, in the order of the keys; none, or one for each
 * @throws AuthenticError for a file that is no such key, or a type whose evidence carries its certificates
 */
export function enrollKeys(trust: Trust, name: EvidenceName, paths: readonly string[], instances: readonly string[]): Trust {
    if (instances.length > 0 && (name !== "psa" || instances.length !== paths.length)) {
        throw new AuthenticError("AE-CLI-INSTANCE", `${instances.length} instance ids for ${paths.length} keys of ${name} evidence`, "give --instance once for each --key, for PSA tokens only");
    }
    if (paths.length === 0) {
        return trust;
    }
    switch (name) {
        case "psa": {
            const devices = paths.map((path, index) => {
                const key = keyPem(path, (spki) => parsePublicKey(spki, path));
                const instanceId = instances[index];
                return instanceId === undefined ? { key } : { key, instanceId };
            });
            return { ...trust, psa: { ...trust.psa, devices: [...trust.psa.devices, ...devices] } };
        }
        case "optee":
            return { ...trust, optee: { ...trust.optee, devices: [...trust.optee.devices, ...paths.map((path) => keyPem(path, (spki) => parseRsaKey(spki, path)))] } };
        case "keystone":
            return { ...trust, keystone: { ...trust.keystone, devices: [...trust.keystone.devices, ...paths.map(rawEd25519)] } };
        default:
            throw new AuthenticError("AE-CLI-KEY", `${name} evidence is verified under certificates, not under keys`, "give the certificates with --collateral, and omit --key");
    }
}

function keyPem(path: string, check: (spki: Uint8Array) => unknown): string {
    return readKey(path, (file) => {
        const spki = onlyKey(file);
        check(spki);
        return encodePem("PUBLIC KEY", spki);
    });
}

function rawEd25519(path: string): string {
    return readKey(path, (file) => hex(file.length === 32 ? file : ed25519Key(onlyKey(file), path)));
}

function onlyKey(file: Uint8Array): Uint8Array {
    const [document, ...more] = readX509Files([file]);
    if (document?.kind !== "publicKey" || more.length > 0) {
        throw new AuthenticError("AE-CLI-KEY", "the file does not hold one public key", "give a SubjectPublicKeyInfo, PEM (\"PUBLIC KEY\") or DER");
    }
    return document.der;
}

// A key that cannot be read is the caller's mistake, not a verdict about the evidence.
function readKey<T>(path: string, read: (file: Uint8Array) => T): T {
    const file = readInput(path, "key");
    try {
        return read(file);
    } catch (error) {
        if (error instanceof EvidenceRefused || error instanceof AuthenticError) {
            throw new AuthenticError("AE-CLI-KEY", `the key ${path} cannot be used (${error.message})`, "give the public key of an enrolled device", { cause: error });
        }
        throw error;
    }
}
