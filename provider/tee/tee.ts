// The seam of a TEE: what the provider needs from each kind of node, and nothing else.
import type { Verdict } from "../attest/evidence";
import type { Presented } from "./attester";

/** A declaration of a module's interface; its index in `Interface` is its endpoint number (protocol.md section 3). */
export interface Declaration {
    kind: "input" | "output" | "entry" | "request" | "handler" | "state" | "integer" | "text" | "device" | "migration";
    name: string;
    /** Bytes of an event, call argument, request, state object or text. */
    maximum: number;
    /** Bytes of a reply, for requests and handlers; else 0. */
    replyMaximum: number;
    /** Events an output may emit while one event is processed; else 0. */
    burst: number;
    /** Schema version of a state object; else 0. */
    version: number;
    /** Bit 0: written, bit 1: read; for devices, else 0. */
    flags: number;
}
export type Interface = readonly Declaration[];

/** Languages that modules are written in. */
export type Language = "c" | "rust";

/** A module to compile. Paths are absolute or relative to the current directory. */
export interface BuildRequest {
    /** Name of the module, for messages. */
    name: string;
    /** C sources, at least one; or one Rust source, or one folder with a Cargo.toml. */
    sources: readonly string[];
    /** What the sources have to be in; what they look like where absent. */
    language?: Language;
    /** Folders searched by `#include`, beside those of the sources and the kit. */
    includes?: readonly string[];
    /** Preprocessor definitions, name → value. */
    defines?: Readonly<Record<string, string>>;
    /** Where on a board the module goes; for TEEs that are boards, and for no other. */
    board?: BoardPlace;
}

/** What a module that runs on a board is built for, beside its source. */
export interface BoardPlace {
    /** Length of the board's keys and tags, bits. */
    readonly security: 64 | 128;
    /** Where the board's nonces come from. */
    readonly freshness: Freshness;
    readonly vendorId: number;
    /** Which of the board's places for modules it takes, from 0. */
    readonly slot: number;
    /** Device of the module → port of the board. */
    readonly devices: Readonly<Record<string, string>>;
}

/** Source of a board's nonces: none that survives an exact replay after a reset, a random source, a non-volatile counter. */
export type Freshness = "none" | "rng" | "nv";

/** A compiled module without its measured configuration. */
export interface Build {
    /** The image with an all-zero configuration block. */
    image: Uint8Array;
    /** Offset of the configuration block in `image`. */
    configurationOffset: number;
    /** Bytes of the configuration block. */
    configurationSize: number;
    interface: Interface;
    /** Digest of the kit's sources and the compiler version, 32 bytes. */
    kit: Uint8Array;
    /** What the module was built with, for people who compare measurements: program → version, `lock` → digest of the Cargo.lock. */
    toolchain: Readonly<Record<string, string>>;
    /** Measurement of the image with an all-zero block, 32 bytes. */
    codeMeasurement: Uint8Array;
    /** Bytes of text, read-only and writable data, for previews. */
    sizes: { text: number; data: number };
}

/** What is measured into a module besides its code (protocol.md section 2). */
export interface MeasuredConfiguration {
    /** 16 bytes. */
    deployment: Uint8Array;
    /** 16 bytes. */
    instance: Uint8Array;
    /** The deployer's Ed25519 public key, 32 bytes. */
    deployerKey: Uint8Array;
    /** The module's own configuration; integers are exact. */
    values: Readonly<Record<string, number | string>>;
    /** Peripheral of the node by device, for TEEs that give peripherals to modules. */
    devices?: Readonly<Record<string, string>> | undefined;
}

/** A module as it is loaded. */
export interface FinalImage {
    image: Uint8Array;
    /** What evidence of this image must show, 32 bytes. */
    measurement: Uint8Array;
}

/** What a node has room for. */
export interface Room {
    readonly modules: number;
    /** Of one module. */
    readonly connections: number;
    /** Connections of requests to one handler, each of which keeps its last reply. */
    readonly clients: number;
}

/** What goes along in a hand-over. */
export interface HandOverRoom {
    /** Bytes of one message: state, connections and kept replies. */
    readonly message: number;
    /** Bytes of an event or request that nobody has acknowledged. */
    readonly event: number;
}

/** What a board runs beneath its modules. */
export interface BoardSoftware {
    readonly firmware: Uint8Array;
    /** What runs beside it, and nobody trusts. */
    readonly nonsecure: Uint8Array;
    /** What evidence of its modules shows of the firmware, 32 bytes. */
    readonly measurement: Uint8Array;
}

/** One kind of TEE. Adding one touches its folder and one line of `registry.ts`. */
export interface Tee {
    readonly name: string;
    /** Evidence types (protocol.md section 4) its modules may present. */
    readonly evidenceTypes: readonly number[];
    /** Which connection suites its modules can use, best first. */
    readonly suites: readonly number[];
    /** Absent: as much as servers have. */
    readonly room?: Room;
    /** Names of a node's peripherals: each device of a module is one of them. Absent: a device may be at a pin of any name. */
    readonly peripherals?: readonly string[];
    /** Builds the software of the node's board, where its modules run on one whose firmware their evidence shows. Deterministic. */
    software?(): Promise<BoardSoftware>;
    /** Its modules hand their state over to their next instance: how much goes along. Absent: they begin anew. */
    readonly handOver?: HandOverRoom;
    /** Compiles, or takes the result from the cache. Deterministic: same bytes from any folder and machine. */
    build(request: BuildRequest): Promise<Build>;
    /** Fills the configuration block and measures. Pure. */
    finalize(build: Build, measured: MeasuredConfiguration): FinalImage;
    /**
     * The image as the agent takes it, with the vendor's signature; absent where the TEE knows no vendor. Deterministic.
     *
     * @param vendorKey - PEM, a secret
     */
    sign?(image: FinalImage, vendorKey: string): Uint8Array;
    /** Judges evidence of one of `evidenceTypes`. */
    appraise(presented: Presented, evidenceType: number): Promise<Verdict>;
    /**
     * C source of a module that does nothing: its evidence enrols the machine of a hardware node. Absent where evidence
     * names no machine, or the machine is known without any.
     */
    enrolment?(): string;
    /** Processors that its nodes' machines may have, as `uname -m` names them: its modules are code for them. Absent: any. */
    readonly processors?: readonly string[];
    /**
     * Why nodes of a backend cannot run on a machine, and what can instead; undefined where they can. Absent: anywhere.
     *
     * @param machine - operating system and processor, as node names them: `linux x64`
     */
    unavailable?(backend: "hardware" | "emulated", machine: string): string | undefined;
}
