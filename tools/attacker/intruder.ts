// The attacker's own program on a machine (runtime/intruder): it reads memory and enters enclaves.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { builtProgram } from "../setup/toolchain";

/** What one way of reading memory got hold of. */
interface Loot {
    readonly bytes: number;
    readonly refusal: string | null;
}

/** All ways, at some pages of a process. */
export interface Tried {
    readonly pages: number;
    readonly processVmReadv: Loot;
    readonly procMem: Loot;
    readonly ptrace: Loot;
    /** Whether the process let itself be stopped. */
    readonly attached: boolean;
}

export interface MemoryAttempt {
    readonly user: number;
    /** The same calls on a process of the attacker's own that does nothing against being read. */
    readonly control: Tried;
    /** `map` says why the process's map could not be read; then the pages are guesses. */
    readonly target: { readonly map: string | null; readonly secret: Tried; readonly code?: Tried };
}

export interface EntryAttempt {
    readonly attempts: number;
    /** Count by the processor's answer. */
    readonly refused: Readonly<Record<string, number>>;
    /** Places where the enclave was entered. */
    readonly entered: readonly string[];
    /** What came of the one entry that is allowed. */
    readonly genuine: string;
}

/** Runs an attempt of the intruder. @throws Error where it cannot be made at all */
export async function intrude<T>(...words: readonly string[]): Promise<T> {
    return JSON.parse((await promisify(execFile)(builtProgram("authentic-intruder"), words)).stdout) as T;
}

/** Reads the memory of a process, as far as this user can. */
export const readMemory = (pid: number): Promise<MemoryAttempt> => intrude("memory", String(pid));

/** Enters an enclave wherever one could try to. */
export const enterEverywhere = (image: string): Promise<EntryAttempt> => intrude("entries", image);
