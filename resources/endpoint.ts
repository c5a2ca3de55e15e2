// References to the declarations of a module's interface, typed by their kind.

import type { Module } from "./module";

/** Kinds of declarations that connections and triggers refer to. */
export type EndpointKind = "input" | "output" | "request" | "handler" | "entry";

/**
 * A named declaration of a module: what `module.output("moisture")` returns.
 * Whether the module declares it is known once the module is compiled, and checked in preview.
 */
export class Endpoint<K extends EndpointKind = EndpointKind> {
    /** @internal Use the methods of {@link Module}. */
    constructor(
        readonly module: Module,
        readonly kind: K,
        readonly name: string,
    ) {}

    /** `output moisture of probe`, for messages. */
    toString(): string {
        return `${this.kind} ${this.name} of ${this.module.moduleName}`;
    }
}
