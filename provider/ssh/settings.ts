// How a machine is reached over SSH: the arguments of a Node, and names for machines and for folders on them.

import { createHash } from "node:crypto";
import { z } from "zod";
import { AuthenticError } from "../errors";
import { milliseconds, durationSchema } from "../lifecycle/schemas";
import { hostPort } from "../addresses";
import { readPins } from "./host-key";

const DEFAULT_TIMEOUTS = { connect: 10_000, dial: 60_000, command: 120_000, keepAlive: 15_000 } as const;

const userSchema = z.string().regex(/^[A-Za-z0-9_.][A-Za-z0-9_.@$-]{0,63}$/, "must be the name of an account");
const hostSchema = z.string().regex(/^[A-Za-z0-9_.:%-]{1,253}$/, "must be a host name or an IP address");

const hopShape = {
    host: hostSchema,
    port: z.int("must be a whole number").min(1, "must be 1 to 65535").max(65_535, "must be 1 to 65535").optional(),
    user: userSchema,
    /** PEM or OpenSSH format; a secret. */
    privateKey: z.string().optional(),
    /** Of the private key; a secret. */
    passphrase: z.string().optional(),
    /** Socket of an SSH agent; `true` is that of `SSH_AUTH_SOCK`. */
    agent: z.union([z.string().min(1), z.literal(true)], "must be the path of an SSH agent's socket, or true for that of SSH_AUTH_SOCK").optional(),
    /** Fingerprints (`SHA256:…`) or public keys (`ssh-ed25519 AAAA…`) of the host. */
    hostKey: z.union([z.string(), z.array(z.string()).min(1)], "must be a fingerprint such as `SHA256:…`, a public key, or a list of them").optional(),
    /** Content of a known_hosts file that has the host. */
    knownHosts: z.string().optional(),
    /** How often the other side has to show that it is there; 0 for never. */
    keepAlive: durationSchema(0, 3_600_000).optional(),
    timeouts: z.strictObject({
        connect: durationSchema(100, 600_000).optional(),
        dial: durationSchema(0, 3_600_000).optional(),
        command: durationSchema(1_000, 3_600_000).optional(),
    }).optional(),
};
type Hop = z.infer<z.ZodObject<typeof hopShape>>;

const hopSchema = z.strictObject(hopShape).superRefine(consistent);

/** A machine's SSH server, and the machine that leads to it. */
export const sshSchema = z.strictObject({
    ...hopShape,
    jump: hopSchema.optional(),
    /** Whether what is on the machine counts as deleted where the machine cannot be reached. */
    deleteUnreachable: z.boolean().optional(),
}).superRefine(consistent);

/** As a program gives it. Private keys and passphrases are secrets. */
export type SshHop = z.infer<typeof hopSchema>;
export type SshSettings = z.infer<typeof sshSchema>;

/** What the members of a hop have to do with each other. */
function consistent(hop: Hop, context: z.RefinementCtx): void {
    const issue = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
    if (hop.privateKey === undefined && hop.agent === undefined) issue("privateKey", "is needed, or `agent`: how else would the host know you");
    if (hop.privateKey !== undefined && hop.agent !== undefined) issue("agent", "stands beside `privateKey`; give one of them");
    if (hop.passphrase !== undefined && hop.privateKey === undefined) issue("passphrase", "belongs to a `privateKey`, and there is none");
    const pins = readPins(hop);
    if (typeof pins === "string") issue(hop.knownHosts === undefined ? "hostKey" : "knownHosts", pins);
}

/** Why the private keys of a way cannot be used, never quoting one; empty where they can. */
export async function keyProblems({ jump, ...hop }: SshSettings): Promise<string[]> {
    const { utils } = (await import("ssh2")).default;
    return Object.entries({ "ssh.privateKey": hop, "ssh.jump.privateKey": jump }).flatMap(([path, { privateKey, passphrase } = {} as Partial<SshHop>]) => {
        if (privateKey === undefined) return [];
        const parsed = utils.parseKey(privateKey, passphrase);
        if (!(parsed instanceof Error)) return [parsed].flat().some((key) => key.isPrivateKey()) ? [] : [`${path} is a public key; the private one is needed`];
        if (/^-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(privateKey)) return [`${path} is in PKCS #8, which is not read; change its file with \`ssh-keygen -p -f FILE\`, which writes OpenSSH's own format`];
        if (!/passphrase|encrypted|integrity|decrypt/i.test(parsed.message)) return [`${path} is no private key in OpenSSH or PEM format; give the content of the file, not its path`];
        return [passphrase === undefined ? `${path} is encrypted; give its \`passphrase\`` : `${path} does not open with this passphrase`];
    });
}

/** Times of a hop, in milliseconds. */
export function timesOf({ timeouts = {}, keepAlive }: SshHop): { readonly connect: number; readonly dial: number; readonly command: number; readonly keepAlive: number } {
    const time = (value: string | number | undefined, otherwise: number) => value === undefined ? otherwise : milliseconds(value) ?? otherwise;
    return {
        connect: time(timeouts.connect, DEFAULT_TIMEOUTS.connect), dial: time(timeouts.dial, DEFAULT_TIMEOUTS.dial),
        command: time(timeouts.command, DEFAULT_TIMEOUTS.command), keepAlive: time(keepAlive, DEFAULT_TIMEOUTS.keepAlive),
    };
}

export const portOf = ({ port = 22 }: Pick<SshHop, "port">): number => port;

/** Who is reached: `user@host:22`, as it stands in the names of folders. */
export function authorityOf({ user, host, port }: Pick<SshHop, "user" | "host" | "port">): string {
    return `${user}@${hostPort(host, portOf({ port }))}`;
}

/** Whether an error says that a host cannot be reached, which asking again may change. */
export function isUnreachable(error: unknown): boolean {
    return error instanceof AuthenticError && error.code === "AE-SSH-UNREACHABLE";
}

/** The same for ways to a machine that can share a connection; tells nothing about keys. */
export function identityOf(settings: SshSettings): string {
    const sorted = (_key: string, value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value;
    return createHash("sha256").update(JSON.stringify(settings, sorted)).digest("hex");
}

/** A folder on a machine that is reached over SSH. */
export interface Location {
    readonly authority: string;
    /** Absolute. */
    readonly folder: string;
}

const LOCATION = /^ssh:\/\/([^/]+)(\/.*)$/;

/** `ssh://user@host:22/home/user/…` */
export function formatLocation({ authority, folder }: Location): string {
    return `ssh://${authority}${folder}`;
}

/** Undefined for a folder of this machine. */
export function parseLocation(place: string): Location | undefined {
    const [, authority, folder] = LOCATION.exec(place) ?? [];
    return authority === undefined || folder === undefined ? undefined : { authority, folder };
}
