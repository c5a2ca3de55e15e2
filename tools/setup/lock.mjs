// A lock between processes of one machine, or of several that share the folder. Each contender has a
// ticket file of its own and goes ahead only if, after writing it, no other live ticket stands. A ticket
// that its process left behind can be removed by anyone, for its name is never used again.
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How long a holder that cannot be seen as a process (another machine or container) may be silent. */
const SILENT_MS = 60_000;
const HEARTBEAT_MS = 5_000;

/** Where process ids mean the same as here. */
function processSpace() {
    try {
        return `${os.hostname()} ${readlinkSync("/proc/self/ns/pid")}`;
    } catch {
        return os.hostname();
    }
}

/**
 * When a process started, which tells it from a later one with the same id.
 *
 * @param {number} pid
 * @returns {string} "" where the system does not say
 */
function startOf(pid) {
    try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    } catch {
        return "";
    }
}

/**
 * @param {string} ticket path of a ticket
 * @returns {boolean} whether its holder still runs
 */
function isLive(ticket) {
    try {
        const { space, pid, start } = JSON.parse(readFileSync(ticket, "utf8"));
        if (space !== processSpace()) return Date.now() - statSync(ticket).mtimeMs < SILENT_MS;
        try {
            process.kill(pid, 0);
        } catch (error) {
            if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EPERM") return false;
        }
        return startOf(pid) === start;
    } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return false;
        // Half written: its owner is just creating it, unless it has been so for long.
        try {
            return Date.now() - statSync(ticket).mtimeMs < SILENT_MS;
        } catch {
            return false;
        }
    }
}

/**
 * Tickets of running processes other than `own`; removes those left behind.
 *
 * @param {string} folder
 * @param {string} own name of our ticket
 */
function others(folder, own) {
    return readdirSync(folder).filter((name) => {
        if (name === own) return false;
        if (isLive(path.join(folder, name))) return true;
        rmSync(path.join(folder, name), { force: true });
        return false;
    });
}

/**
 * Runs `action` while holding the lock.
 *
 * @template T
 * @param {string} folder the lock: a folder of tickets, created where absent
 * @param {() => Promise<T>} action
 * @param {() => void} [onWait] called once if somebody else holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(folder, action, onWait) {
    mkdirSync(folder, { recursive: true });
    const own = `${process.pid}-${randomBytes(8).toString("hex")}`;
    const ticket = path.join(folder, own);
    for (let told = false; ; ) {
        if (others(folder, own).length === 0) {
            writeFileSync(ticket, JSON.stringify({ space: processSpace(), pid: process.pid, start: startOf(process.pid) }), { flag: "wx" });
            if (others(folder, own).length === 0) break;
            rmSync(ticket, { force: true });
        }
        if (!told) onWait?.();
        told = true;
        // Two that arrive together both step back; a random pause lets one of them in first.
        await sleep(100 + Math.random() * 300);
    }
    const heartbeat = setInterval(() => {
        const now = new Date();
        utimesSync(ticket, now, now);
    }, HEARTBEAT_MS);
    heartbeat.unref();
    try {
        return await action();
    } finally {
        clearInterval(heartbeat);
        rmSync(ticket, { force: true });
    }
}
