// One session at a time with an instance: locks by name within this process.

const tails = new Map<string, Promise<void>>();

/**
 * Runs a task while it holds locks. They are taken in the order of their names, so two tasks never wait for each other.
 *
 * @param names - of what is locked, e.g. instance ids
 * @param task - what to do; its result or error is passed on
 */
export async function withLocks<T>(names: readonly string[], task: () => Promise<T>): Promise<T> {
    const [first, ...others] = [...new Set(names)].sort();
    if (first === undefined) return task();
    return withLock(first, () => withLocks(others, task));
}

async function withLock<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = tails.get(name);
    let release!: () => void;
    const mine = new Promise<void>((resolve) => (release = resolve));
    tails.set(name, mine);
    try {
        await before;
        return await task();
    } finally {
        release();
        if (tails.get(name) === mine) tails.delete(name);
    }
}
