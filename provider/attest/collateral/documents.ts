// Obtaining one collateral document: from the cache while it is valid, else from the service; the error says which
// document is missing or expired, and since when.

import { formatInstant, instant } from "../clock";
import { refuse } from "../refusal";
import type { DocumentCache, StoredDocument } from "./cache";
import { defaultFetchOptions, fetchDocument, type Fetched, type FetchOptions } from "./fetch";

/** How a client reads one kind of document. */
export interface DocumentKind<T> {
    /** Name in errors, such as `TCB info of FMSPC 00a067110000`. */
    readonly name: string;
    readonly url: string;
    /** Headers to keep, lower case. */
    readonly headers: readonly string[];
    /**
     * Reads an answer. Must refuse what verification would refuse for its form, so that damaged answers never enter the cache.
     *
     * @throws EvidenceRefused
     */
    read(body: Uint8Array, headers: Readonly<Record<string, string>>): T;
    /** First and last valid instant of what was read, milliseconds. */
    validity(content: T): { readonly from: number; readonly until: number };
}

/** Where documents come from. */
export interface DocumentOptions {
    readonly cache: DocumentCache;
    /** Never ask a service. */
    readonly offline: boolean;
    /** Age from which a valid stored document is asked for again, milliseconds. */
    readonly refreshAfter: number;
    readonly fetch?: FetchOptions;
    /** Gets a document in place of HTTP: from a service that is reached in another way. */
    readonly get?: (url: string) => Promise<Fetched>;
}

/**
 * Obtains a document that is valid at a time.
 *
 * @param at - verification time, milliseconds; the document's own dates decide, there is no age limit here
 */
export async function obtain<T>(kind: DocumentKind<T>, options: DocumentOptions, at: number): Promise<T> {
    const stored = await options.cache.read(kind.url);
    const cached = stored === null ? null : tryRead(kind, stored);
    const usable = cached !== null && isValid(kind, cached, at);
    if (usable && (options.offline || isFresh(stored, options, at))) {
        return cached;
    }
    if (options.offline) {
        throw missing(kind, cached, at, "the collateral layer is offline", "authentic:trust.collateral.offline");
    }
    const fetchOptions = options.fetch ?? defaultFetchOptions;
    // With a valid document at hand a newer one is welcome, not worth waiting for.
    const answer = await (options.get?.(kind.url) ?? fetchDocument(kind.url, usable ? { ...fetchOptions, attempts: 1 } : fetchOptions));
    if (!answer.ok) {
        if (usable) {
            return cached;
        }
        throw missing(kind, cached, at, `${kind.url} answers: ${answer.problem}`, "authentic:trust.collateral");
    }
    const headers = Object.fromEntries(kind.headers.flatMap((name) => {
        const value = answer.headers.get(name);
        return value === null ? [] : [[name, value]];
    }));
    const content = kind.read(answer.body, headers);
    if (!isValid(kind, content, at)) {
        throw missing(kind, content, at, `${kind.url} has no current one`, null);
    }
    await keep(options.cache, { url: kind.url, fetchedAt: formatInstant(at), body: answer.body, headers });
    return content;
}

/** A cache that cannot be written costs time, not correctness. */
async function keep(cache: DocumentCache, document: StoredDocument): Promise<void> {
    try {
        await cache.write(document);
    } catch {
        return;
    }
}

function isFresh(stored: StoredDocument | null, options: DocumentOptions, at: number): boolean {
    const age = at - (stored === null ? NaN : instant(stored.fetchedAt) ?? NaN);
    return age >= 0 && age < options.refreshAfter;
}

function isValid<T>(kind: DocumentKind<T>, content: T, at: number): boolean {
    const { from, until } = kind.validity(content);
    return from <= at && at <= until;
}

/** A stored answer that can no longer be read counts as none. */
function tryRead<T>(kind: DocumentKind<T>, stored: StoredDocument): T | null {
    try {
        return kind.read(stored.body, stored.headers);
    } catch {
        return null;
    }
}

function missing<T>(kind: DocumentKind<T>, known: T | null, at: number, why: string, setting: string | null): Error {
    if (known === null) {
        return refuse("AE-ATTEST-COLLATERAL", kind.name, `missing (${why})`, `one that is valid at ${formatInstant(at)}`, setting);
    }
    const { from, until } = kind.validity(known);
    const state = until < at ? `expired on ${formatInstant(until)}` : `not valid before ${formatInstant(from)}`;
    return refuse("AE-ATTEST-EXPIRED", kind.name, `${state} (${why})`, `one that is valid at ${formatInstant(at)}`, setting);
}
