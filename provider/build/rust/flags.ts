// How Rust is compiled into modules, the same for every one of them.
import type { RustTarget } from "../target";

/**
 * What the image has to be like: no unwinding, and nothing for it; arithmetic that overflows fails the instance instead of
 * going on with a wrong number.
 */
export const RUST_FLAGS: readonly string[] = ["-Cpanic=abort", "-Ccodegen-units=1", "-Cforce-unwind-tables=no", "-Coverflow-checks=yes", "-Cdebuginfo=0"];

/** The same, as the profile that cargo builds with, whatever the module's own says; `opt-level` is the module's choice. */
export const PROFILE: readonly string[] = ["panic=\"abort\"", "codegen-units=1", "overflow-checks=true", "debug=false", "incremental=false", "lto=\"fat\"", "strip=\"none\""]
    .flatMap((setting) => ["--config", `profile.release.${setting}`]);

/** Flags of rustc for a target. */
export const flagsFor = (target: RustTarget): readonly string[] => [...RUST_FLAGS, ...target.flags];

/** The symbol by which the linker takes the module out of its archive (runtime/authentic/src/panic.rs). */
export const ANCHOR: readonly string[] = ["-u", "authentic_rust"];
