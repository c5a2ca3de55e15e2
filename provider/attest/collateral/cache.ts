// The disk cache of collateral: one file a document, written whole, checked when read. What it holds is signed by
// its maker and verified at every use; the checksum only tells a damaged file from a forged one.

import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { instant } from "../clock";

/** One answer of a service. */
export interface StoredDocument {
    readonly url: string;
    /** When it was fetched, an instant. */
    readonly fetchedAt: string;
    readonly body: Uint8Array;
    /** Headers that carry issuer chains, lower-case names. */
    readonly headers: Readonly<Record<string, string>>;
}

/** Keeps answers by their URL. */
export interface DocumentCache {
    /** Null when there is none, or a damaged one. */
    read(url: string): Promise<StoredDocument | null>;
    write(document: StoredDocument): Promise<void>;
}

const entrySchema = z.strictObject({
    format: z.literal(1),
    url: z.string(),
    fetchedAt: z.string().refine((text) => instant(text) !== null),
    headers: z.record(z.string(), z.string()),
    body: z.base64(),
    sha256: z.string(),
});

/** The folder used when the configuration names none. */
export function defaultCacheFolder(): string {
    return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pulumi-authentic", "collateral");
}

/** A cache in a folder, which is created when needed. Several processes may share it. */
export class FileCache implements DocumentCache {
    constructor(private readonly folder: string) {}

    async read(url: string): Promise<StoredDocument | null> {
        let text: string;
        try {
            text = await readFile(this.file(url), "utf8");
        } catch {
            return null;
        }
        return decode(text, url);
    }

    async write(document: StoredDocument): Promise<void> {
        await mkdir(this.folder, { recursive: true, mode: 0o700 });
        const target = this.file(document.url);
        // Renaming is atomic, so readers see the old or the new document, never a part.
        const partial = `${target}.${randomBytes(6).toString("hex")}`;
        try {
            await writeFile(partial, encode(document), { mode: 0o600, flag: "wx" });
            await rename(partial, target);
        } catch (error) {
            await rm(partial, { force: true });
            throw error;
        }
    }

    private file(url: string): string {
        return join(this.folder, `${createHash("sha256").update(url).digest("hex")}.json`);
    }
}

function encode(document: StoredDocument): string {
    const entry = {
        format: 1 as const,
        url: document.url,
        fetchedAt: document.fetchedAt,
        headers: document.headers,
        body: Buffer.from(document.body).toString("base64"),
    };
    return `${JSON.stringify({ ...entry, sha256: checksum(entry) })}\n`;
}

function decode(text: string, url: string): StoredDocument | null {
    let value: unknown;
    try {
        value = JSON.parse(text);
    } catch {
        return null;
    }
    const result = entrySchema.safeParse(value);
    if (!result.success) {
        return null;
    }
    const { sha256, ...entry } = result.data;
    if (entry.url !== url || checksum(entry) !== sha256) {
        return null;
    }
    return { url, fetchedAt: entry.fetchedAt, headers: entry.headers, body: new Uint8Array(Buffer.from(entry.body, "base64")) };
}

function checksum(entry: Omit<z.infer<typeof entrySchema>, "sha256">): string {
    const { format, url, fetchedAt, headers, body } = entry;
    return createHash("sha256").update(JSON.stringify([format, url, fetchedAt, Object.entries(headers).sort(), body])).digest("hex");
}
