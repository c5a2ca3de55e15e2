// What modules on servers have in common: native ones and enclaves differ in how they are linked, entered and measured.
import type { Target } from "../build/target";
import { SUITE } from "../protocol/status";
import type { HandOverRoom } from "./tee";

/** AES-GCM takes AES-NI, PCLMULQDQ and AVX: with less it is some twenty times slower, and no longer constant time. */
export const SERVER_TARGET: Omit<Target, "name"> = {
    triple: "x86_64-freestanding-none",
    cpu: "x86_64_v3+aes+pclmul",
    // A frame larger than the gap below a stack is probed page by page, so that it cannot step over the gap.
    cFlags: ["-mno-red-zone", "-fstack-clash-protection"],
    zigFlags: ["-fPIE", "-mno-red-zone"],
    linkFlags: ["-pie", "--no-dynamic-linker"],
    // The standard library of the target without an operating system is the same code, but few have it installed. Frames
    // larger than a page are probed there as well.
    rust: { triple: "x86_64-unknown-linux-gnu", flags: ["-Crelocation-model=pie", "-Ctarget-cpu=x86-64-v3", "-Ctarget-feature=+aes,+pclmulqdq", "-Cno-redzone=yes"], optimize: "3" },
    pointer: 8,
    configurationSize: 4096,
};

/** What they are compiled for, as `uname -m` names it. */
export const SERVER_PROCESSORS: readonly string[] = ["x86_64"];

/** What authentic_limits.h says. */
export const SERVER_HAND_OVER: HandOverRoom = { message: 131_064, event: 65_536 };

/** What the kit knows there, best first; SpongeWrap is for connections with boards that know nothing else. */
export const SERVER_SUITES: readonly number[] = [SUITE.chacha20Poly1305, SUITE.aes128Gcm, SUITE.spongeWrap128, SUITE.spongeWrap64];
