// The values of a module's measured configuration, against what it declares (docs/protocol.md section 2).
import { AuthenticError } from "../errors";
import { encodeConfiguration } from "../protocol/configuration";
import type { Interface, MeasuredConfiguration } from "../tee/tee";

const refuse = (problem: string, nextStep: string): AuthenticError => new AuthenticError("AE-CONFIG-VALUE", problem, nextStep);
const list = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));

/**
 * Encodes the configuration block of a module.
 *
 * @param size - bytes of the block
 * @returns the block
 * @throws AuthenticError `AE-CONFIG-VALUE` for a value that is missing, unknown, of another type or too long
 */
export function configurationBlock(declarations: Interface, measured: MeasuredConfiguration, size: number): Uint8Array {
    const declared = declarations.filter(({ kind }) => kind === "integer" || kind === "text");
    const names = declared.map(({ name }) => name);
    const unknown = Object.keys(measured.values).filter((name) => !names.includes(name));
    if (unknown.length > 0) throw refuse(`the module declares no configuration ${list(unknown)}`, `declared are: ${list(names)}`);
    const missing = names.filter((name) => !Object.hasOwn(measured.values, name));
    if (missing.length > 0) throw refuse(`the module's configuration lacks ${list(missing)}`, "give each declared name a value");
    const values = new Map<string, bigint | string>();
    for (const { name, kind, maximum } of declared) {
        const value = measured.values[name];
        if (kind === "integer") {
            if (typeof value !== "number" || !Number.isSafeInteger(value)) throw refuse(`configuration ${name} is declared as an integer, but is not a whole number within 2^53`, `set ${name} to a whole number`);
            values.set(name, BigInt(value));
        } else {
            if (typeof value !== "string") throw refuse(`configuration ${name} is declared as a text, but is a ${typeof value}`, `set ${name} to a text`);
            if (Buffer.byteLength(value) > maximum) throw refuse(`configuration ${name} has ${Buffer.byteLength(value)} bytes, more than the declared ${maximum}`, "shorten it, or declare more");
            if (value.includes("\0")) throw refuse(`configuration ${name} contains a zero character`, "remove it: texts end at the first zero");
            values.set(name, value);
        }
    }
    const { deployment, instance, deployerKey } = measured;
    try {
        return encodeConfiguration({ deployment, instance, deployerKey, values }, size);
    } catch (cause) {
        throw new AuthenticError("AE-CONFIG-VALUE", cause instanceof Error ? cause.message : "the configuration does not fit", "shorten the module's texts", { cause });
    }
}
