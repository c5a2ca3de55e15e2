// What the builder has to know about a kind of TEE; each folder of provider/tee has one.
import type { Section } from "./elf";
import type { Limits } from "./interface";

/** How modules in Rust are compiled for a target. */
export interface RustTarget {
    /** Target triple of rustc. */
    readonly triple: string;
    /** Further flags of rustc: a fixed CPU model, and what the image has to be like. */
    readonly flags: readonly string[];
    /** `opt-level` of modules that do not choose one. */
    readonly optimize: "3" | "s";
}

export interface Target {
    /** Names the port: `runtime/kit/ports/<name>` holds its sources and `link.ld`. */
    readonly name: string;
    /** Zig's target triple and a fixed CPU model: never that of the machine that builds. */
    readonly triple: string;
    readonly cpu: string;
    /** Further compiler flags, for C and for Zig. */
    readonly cFlags: readonly string[];
    readonly zigFlags: readonly string[];
    readonly linkFlags: readonly string[];
    readonly rust: RustTarget;
    /** Bytes of a pointer. */
    readonly pointer: number;
    /** Bytes of the configuration block. */
    readonly configurationSize: number;
    /** Zig's optimization of the cryptographic library; `ReleaseFast` where absent. */
    readonly optimize?: "ReleaseFast" | "ReleaseSmall";
    /** What modules may declare where it is less than on servers; the C flags say the same to the kit. */
    readonly limits?: Limits;
    /** What is loaded and measured, its addresses being its offsets; the linked file itself where absent. */
    readonly flatten?: (linked: Uint8Array, sections: readonly Section[]) => Uint8Array;
}
