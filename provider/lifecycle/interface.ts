// What a module's interface says about the arguments of resources that refer to it.

import type { Declaration, Interface } from "../tee/tee";
import { instead } from "./names";
import { type Problem, problem } from "./problems";

/** A declaration in resource state: fields that are zero are left out. Its index in the interface is its endpoint. */
export type DeclarationState = Pick<Declaration, "kind" | "name"> & Partial<Declaration>;

/** The interface as resource state. */
export function interfaceState(declarations: Interface): DeclarationState[] {
    return declarations.map((one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== 0)) as DeclarationState);
}

/** The endpoint number of a declaration; undefined where there is none. */
export function endpointOf(declarations: readonly DeclarationState[], kind: Declaration["kind"], name: string): number | undefined {
    const index = declarations.findIndex((one) => one.kind === kind && one.name === name);
    return index < 0 ? undefined : index;
}

/**
 * Problems of a module's configuration values.
 *
 * @param config - the values; one that is not known yet is undefined
 */
export function configurationProblems(declarations: readonly DeclarationState[], config: Readonly<Record<string, unknown>>): Problem[] {
    const declared = new Map(declarations.filter(({ kind }) => kind === "integer" || kind === "text").map((one) => [one.name, one]));
    const unknown = Object.keys(config).filter((name) => !declared.has(name))
        .map((name) => problem(`config.${name}`, `the module declares no configuration "${name}"; ${instead(name, [...declared.keys()], "declared names")}`));
    const missing = [...declared].filter(([name]) => !Object.hasOwn(config, name))
        .map(([name, { kind }]) => problem(`config.${name}`, `the module needs a value for "${name}" (${kind}); add it to \`config\``));
    const wrong = Object.entries(config).flatMap(([name, value]) => {
        const declaration = declared.get(name);
        const reason = declaration === undefined || value === undefined ? undefined : valueProblem(declaration, value);
        return reason === undefined ? [] : [problem(`config.${name}`, reason)];
    });
    return [...unknown, ...missing, ...wrong];
}

function valueProblem({ kind, maximum = 0 }: DeclarationState, value: unknown): string | undefined {
    if (kind === "integer") {
        return Number.isSafeInteger(value) ? undefined : "must be an integer of at most 53 bits, as the module declares";
    }
    if (typeof value !== "string") {
        return "must be a text, as the module declares";
    }
    const length = Buffer.byteLength(value, "utf8");
    return length <= maximum ? undefined : `has ${length} bytes, but the module declares at most ${maximum}`;
}

/**
 * Problems of the devices a module is given.
 *
 * @param peripherals - what the node has; absent where a pin of any name will do
 */
export function deviceProblems(declarations: readonly DeclarationState[], devices: Readonly<Record<string, string>>, peripherals?: readonly string[]): Problem[] {
    const declared = declarations.filter(({ kind }) => kind === "device").map(({ name }) => name);
    return Object.entries(devices).flatMap(([name, peripheral]) => {
        if (!declared.includes(name)) {
            return [problem(`devices.${name}`, `the module declares no device "${name}"; ${instead(name, declared, "declared devices")}`)];
        }
        return peripherals === undefined || peripherals.includes(peripheral) ? []
            : [problem(`devices.${name}`, `the node has no peripheral "${peripheral}"; ${instead(peripheral, peripherals, "those it has")}`)];
    });
}
