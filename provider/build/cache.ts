// A content-addressed cache of what was built. An entry appears in one step and carries its own digest, so that a
// damaged or half-written one is never used; builds of the same key, in this process or another, share one compile.
import { createHash, randomBytes } from "node:crypto";
import { open, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { makeFolder, writing } from "../storage";
import { cacheFolder } from "./folders";

const DIGEST = 32;
const LOCK_POLL_MS = 20;
/** A lock whose owner died without removing it, or its machine did: an owner that lives touches it more often. */
const LOCK_STALE_MS = 120_000;

const inProgress = new Map<string, Promise<Buffer>>();

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/**
 * A key from everything that an output depends on. Each part is hashed with its length, so that parts cannot run together.
 *
 * @returns 64 hexadecimal digits
 */
export function cacheKey(...parts: readonly (string | Uint8Array)[]): string {
    const hash = createHash("sha256");
    for (const part of parts) {
        const bytes = Buffer.from(part);
        hash.update(`${bytes.length}:`).update(bytes);
    }
    return hash.digest("hex");
}

/** The cache as a place to write to. */
export const cachePlace = () => ({ what: "what is built", folder: cacheFolder(), variable: "AUTHENTIC_CACHE" });

const fileOf = (key: string): string => path.join(cacheFolder(), "builds", key.slice(0, 2), key);

/** The content of an entry; undefined where there is none or it is damaged. */
export async function readEntry(key: string): Promise<Buffer | undefined> {
    let bytes: Buffer;
    try {
        bytes = await readFile(fileOf(key));
    } catch {
        return undefined;
    }
    const content = bytes.subarray(DIGEST);
    return bytes.length >= DIGEST && sha256(content).equals(bytes.subarray(0, DIGEST)) ? content : undefined;
}

/** Puts an entry in place, replacing what was there. */
export function writeEntry(key: string, content: Uint8Array): Promise<void> {
    return writing(cachePlace(), () => replace(fileOf(key), content));
}

async function replace(file: string, content: Uint8Array): Promise<void> {
    await makeFolder(path.dirname(file));
    const partial = `${file}.${process.pid}.${randomBytes(6).toString("hex")}`;
    try {
        await writeFile(partial, Buffer.concat([sha256(content), content]));
        await rename(partial, file);
    } finally {
        await rm(partial, { force: true });
    }
}

const ownerLives = async (lock: string): Promise<boolean> => {
    try {
        if (Date.now() - (await stat(lock)).mtimeMs > LOCK_STALE_MS) return false;
        const pid = Number(await readFile(lock, "utf8"));
        // Empty: its owner is about to write.
        if (pid > 0) process.kill(pid, 0);
        return true;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EPERM";
    }
};

/** Holds the lock of a key, or returns undefined once another process has let go of it. */
const acquire = async (lock: string): Promise<(() => Promise<void>) | undefined> => {
    await makeFolder(path.dirname(lock));
    for (let waited = false; ; waited = true) {
        try {
            const handle = await open(lock, "wx");
            try {
                await handle.writeFile(String(process.pid));
            } catch (error) {
                await rm(lock, { force: true });
                throw error;
            } finally {
                await handle.close();
            }
            const touch = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => undefined), LOCK_STALE_MS / 4);
            touch.unref();
            return () => {
                clearInterval(touch);
                return rm(lock, { force: true });
            };
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        }
        if (!await ownerLives(lock)) await rm(lock, { force: true });
        else await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
        if (waited && await stat(lock).then(() => false, () => true)) return undefined;
    }
};

/**
 * Does something that nobody else, in this process or another, may do at the same time under the same key.
 *
 * @param key - as of {@link cacheKey}
 */
export async function exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    for (;;) {
        const release = await writing(cachePlace(), () => acquire(`${fileOf(key)}.lock`));
        if (release === undefined) continue;
        try {
            return await work();
        } finally {
            await release();
        }
    }
}

/** Looks again under the lock of the key, and makes what is still not there. */
const findOrMake = async (key: string, find: () => Promise<Buffer | undefined>, make: () => Promise<Buffer>): Promise<Buffer> => {
    return await find() ?? await exclusive(key, async () => await find() ?? await make());
};

/**
 * What `find` finds, else what `make` makes and keeps. Failures are not kept.
 *
 * @param key - calls with the same key at the same time, in any process, share one `make`
 */
export function shared(key: string, find: () => Promise<Buffer | undefined>, make: () => Promise<Buffer>): Promise<Buffer> {
    let running = inProgress.get(key);
    if (running === undefined) {
        running = findOrMake(key, find, make).finally(() => inProgress.delete(key));
        inProgress.set(key, running);
    }
    return running;
}

/** The entry of a key, produced if there is none. */
export function cached(key: string, produce: () => Promise<Buffer>): Promise<Buffer> {
    return shared(key, () => readEntry(key), async () => {
        const content = await produce();
        await writeEntry(key, content);
        return content;
    });
}
