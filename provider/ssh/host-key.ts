// Which key a host has to show, as the program says: a fingerprint, a public key, or a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** What is pinned of a host. */
export interface Pin {
    /** SHA-256 of the key. */
    readonly digest: Buffer;
    /** Algorithm of the key, where it is known. */
    readonly type?: string;
    /** No key of this digest is accepted. */
    readonly revoked?: boolean;
}

/** Where the pins of a host stand. */
export interface PinSource {
    readonly host: string;
    readonly port?: number | undefined;
    readonly hostKey?: string | readonly string[] | undefined;
    readonly knownHosts?: string | undefined;
}

const FINGERPRINT = /^SHA256:([A-Za-z0-9+/]{43})=?$/;
const PUBLIC_KEY = /^((?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?:\s.*)?$/;

/**
 * The pins of a host.
 *
 * @returns at least one; or what is wrong, for people
 */
export function readPins({ host, port = 22, hostKey, knownHosts }: PinSource): readonly Pin[] | string {
    if (hostKey === undefined && knownHosts === undefined) {
        return `is needed: without it anybody on the way could pose as the host; ask its owner for the output of \`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\``;
    }
    const pins: Pin[] = [];
    for (const text of [hostKey ?? []].flat()) {
        const pin = parsePin(text.trim());
        if (pin === undefined) return "must be a fingerprint as `ssh-keygen -lf` prints it (SHA256: and 43 characters), or a public key such as `ssh-ed25519 AAAA…`";
        pins.push(pin);
    }
    if (knownHosts !== undefined) pins.push(...knownHosts.split("\n").flatMap((line) => knownPin(line.trim(), port === 22 ? host : `[${host}]:${port}`, host)));
    return pins.some(({ revoked }) => revoked !== true) ? pins : `has no key of ${host}${port === 22 ? "" : `, port ${port}`}; add the line of the host's owner, or give its fingerprint as \`hostKey\``;
}

function parsePin(text: string): Pin | undefined {
    const [, fingerprint] = FINGERPRINT.exec(text) ?? [];
    if (fingerprint !== undefined) return { digest: Buffer.from(fingerprint, "base64") };
    const [, type, key] = PUBLIC_KEY.exec(text) ?? [];
    return type === undefined || key === undefined ? undefined : { digest: digestOf(Buffer.from(key, "base64")), type };
}

/** The pin of a line, where it is about the host. Certificate authorities are passed over: they name no key. */
function knownPin(line: string, name: string, host: string): Pin[] {
    if (line === "" || line.startsWith("#")) return [];
    const words = line.split(/\s+/);
    const marker = words[0]?.startsWith("@") === true ? words.shift() : undefined;
    if (marker !== undefined && marker !== "@revoked") return [];
    const [patterns = "", type = "", key = ""] = words;
    const pin = parsePin(`${type} ${key}`);
    return pin === undefined || !(matches(patterns, name) || (marker !== undefined && matches(patterns, host))) ? [] : [{ ...pin, ...(marker === undefined ? {} : { revoked: true }) }];
}

function matches(patterns: string, name: string): boolean {
    const [, salt, hash] = /^\|1\|([^|]+)\|([^|]+)$/.exec(patterns) ?? [];
    if (salt !== undefined && hash !== undefined) {
        return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest().equals(Buffer.from(hash, "base64"));
    }
    const of = (pattern: string) => new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")}$`, "i").test(name);
    const all = patterns.split(",");
    return !all.some((pattern) => pattern.startsWith("!") && of(pattern.slice(1))) && all.some((pattern) => !pattern.startsWith("!") && of(pattern));
}

/** Whether a host's key is one of those it may have. @param key - as the host sent it */
export function isPinned(pins: readonly Pin[], key: Buffer): boolean {
    const digest = digestOf(key);
    const same = pins.filter((pin) => pin.digest.length === digest.length && timingSafeEqual(pin.digest, digest));
    return same.length > 0 && same.every(({ revoked }) => revoked !== true);
}

/** What the host may be asked for: the types of the pinned keys, where all are known; else undefined, for any. */
export function pinnedTypes(pins: readonly Pin[]): string[] | undefined {
    const types = pins.filter(({ revoked }) => revoked !== true).map(({ type }) => type);
    return types.some((type) => type === undefined) ? undefined : [...new Set(types.flatMap((type) => type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type ?? ""]))];
}

/** As `ssh-keygen -lf` prints it. */
export function fingerprintOf(digest: Buffer): string {
    return `SHA256:${digest.toString("base64").replace(/=+$/, "")}`;
}

/** SHA-256 of a key as a host sends it. */
export function digestOf(key: Buffer): Buffer {
    return createHash("sha256").update(key).digest();
}

/** Algorithm of a key as a host sends it (RFC 4253 section 6.6). */
export function typeOf(key: Buffer): string {
    const length = key.length < 4 ? 0 : key.readUInt32BE(0);
    return length > 64 || key.length < 4 + length ? "unknown" : key.toString("latin1", 4, 4 + length).replace(/[^\x21-\x7e]/g, "?");
}
