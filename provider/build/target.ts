// What the builder has to know about a kind of TEE; each folder of provider/tee has one.

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
    /** Bytes of a pointer. */
    readonly pointer: number;
    /** Bytes of the configuration block. */
    readonly configurationSize: number;
}
