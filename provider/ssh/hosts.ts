// The hosts of this process: how each is reached, and one connection to each, whoever needs it.

import { AuthenticError } from "../errors";
import type { SshConnection } from "./connection";
import { authorityOf, identityOf, isUnreachable, parseLocation, type SshSettings, sshSchema } from "./settings";

const known = new Map<string, SshSettings>();
/** A connection that is there, is being made, or could not be made. */
interface Attempt {
    readonly connection: Promise<SshConnection>;
    readonly patient: boolean;
    over: boolean;
}

const attempts = new Map<string, Attempt>();

/**
 * Notes how hosts are reached that properties of a resource name: `ssh` of a node, `access` of what is on nodes.
 *
 * @param wanted - of the program, which counts more than what state remembers
 */
export function introduceHosts(properties: { readonly ssh?: unknown; readonly access?: unknown }, wanted: boolean): void {
    for (const way of waysIn(properties)) if (wanted || !known.has(authorityOf(way))) known.set(authorityOf(way), way);
}

/**
 * Whether an error says that a host cannot be reached which properties have given up.
 *
 * @param folder - of the node that was asked: its machine counts, and no other; without it all that the properties name
 */
export function givenUp(error: unknown, properties: { readonly ssh?: unknown; readonly access?: unknown }, folder?: string): boolean {
    const machine = folder === undefined ? undefined : parseLocation(folder)?.authority;
    const ways = waysIn(properties).filter((way) => machine === undefined || authorityOf(way) === machine);
    return isUnreachable(error) && ways.length > 0 && ways.every(({ deleteUnreachable }) => deleteUnreachable === true);
}

function waysIn({ ssh, access }: { readonly ssh?: unknown; readonly access?: unknown }): SshSettings[] {
    return [ssh, access].flat().flatMap((candidate) => {
        const { success, data } = sshSchema.safeParse(candidate);
        return success ? [data] : [];
    });
}

/**
 * How a host is reached.
 *
 * @throws AuthenticError `AE-SSH-SETTINGS` where nothing said so
 */
function settingsOf(authority: string): SshSettings {
    const settings = known.get(authority);
    if (settings === undefined) {
        throw new AuthenticError("AE-SSH-SETTINGS", `nothing says how ${authority} is reached over SSH`,
            "run `pulumi up`, which records it; of an exported stack use `pulumi stack export --show-secrets`");
    }
    return settings;
}

/**
 * The connection to a host: the present one, or a new one where there is none or it was lost.
 *
 * @param patient - dial until the dialling time is over; else once
 */
export async function connectionTo(authority: string, patient = true): Promise<SshConnection> {
    const settings = settingsOf(authority);
    const { jump } = settings;
    return shared(settings, patient, jump === undefined ? undefined : () => shared(jump, patient, undefined));
}

async function shared(settings: SshSettings, patient: boolean, through: (() => Promise<SshConnection>) | undefined): Promise<SshConnection> {
    const key = identityOf(settings);
    const present = attempts.get(key);
    // Whoever waits for a dial shares its outcome: a host that is lost costs its dialling time once.
    if (present !== undefined && !present.over && (present.patient || !patient)) return present.connection;
    const connection = await present?.connection.catch(() => undefined);
    if (connection?.closed === false) return connection;
    if (attempts.get(key) !== present) return shared(settings, patient, through);
    const attempt: Attempt = { connection: import("./connection.js").then(({ dial }) => dial(settings, through, patient)), patient, over: false };
    attempts.set(key, attempt);
    return attempt.connection.finally(() => { attempt.over = true; });
}

/** Ends all connections, so that the process can. */
export async function closeConnections(): Promise<void> {
    const open = [...attempts.values()].map(({ connection }) => connection);
    attempts.clear();
    for (const connection of await Promise.allSettled(open)) if (connection.status === "fulfilled") connection.value.end();
}

/** How many connections are open, for tests. */
export async function openConnections(): Promise<number> {
    const settled = await Promise.allSettled([...attempts.values()].map(({ connection }) => connection));
    return settled.filter((one) => one.status === "fulfilled" && !one.value.closed).length;
}
