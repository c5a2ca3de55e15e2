// Values of descriptors: names, references to declarations, durations, and values that stand in the stack's configuration.

import { z } from "zod";

/** Declared names of modules are identifiers of C or Rust, or what `name = "…"` gives them there. */
const IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]{0,46}";
const NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}";

export const identifier = z.string().regex(new RegExp(`^${IDENTIFIER}$`), "must be a declared name: 1 to 47 letters, digits or `_`, the first no digit");

/** `key`, or `namespace:key` for one of another namespace than the project's. */
const configurationKey = z.string().regex(/^(?:[A-Za-z0-9][A-Za-z0-9_.-]*:)?[A-Za-z0-9][A-Za-z0-9_.-]*$/, "must name a key of the stack's configuration, such as `openBelow` or `boards:key`");

/** A value of the stack's configuration. */
export const fromConfiguration = z.strictObject({ config: configurationKey });

/** A secret: it stands in the stack's configuration, encrypted, and never in a descriptor. */
export const secret = z.strictObject({ secret: configurationKey }, "must refer to a secret of the stack's configuration, `{ secret: KEY }`; set it with `pulumi config set --secret KEY`");

const number = z.int("must be a whole number of at most 53 bits");

/** A text, or one of the stack's configuration. */
export const text = z.union([z.string().min(1), fromConfiguration], "must be a text, or `{ config: KEY }`");

const PORT = "must be 1 to 65535, or `{ config: KEY }`";

/** A port, or one of the stack's configuration. */
export const port = z.union([z.int(PORT).min(1, PORT).max(65_535, PORT), fromConfiguration], PORT);

/** A value of a module's configuration. One of the stack's configuration says which of the two types it is meant to be. */
export const moduleValue = z.union([number, z.string(), z.strictObject({ config: configurationKey, type: z.enum(["integer", "text"]) })],
    "must be a whole number, a text, or `{ config: KEY, type: integer }` or `{ config: KEY, type: text }`");

/** Any value whose change means something. */
export const anyValue = z.union([z.string(), z.number(), z.boolean(), fromConfiguration], "must be a text, a number, true or false, or `{ config: KEY }`");

const DURATION = "must be a duration such as 1s, 500ms, 2m, or a number of milliseconds";

/** A duration; its range is examined with the rest of its resource. */
export const duration = z.union([z.int(DURATION).min(1, DURATION), z.string().regex(/^[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d)$/, DURATION)], DURATION);

const reference = (kinds: string) => `${NAME}\\.(?:${kinds})\\.${IDENTIFIER}`;

/** Where a connection begins. */
export const source = z.string("must be a text").regex(new RegExp(`^(?:deployer|${reference("output|request")})$`),
    "must be MODULE.output.NAME, MODULE.request.NAME, or `deployer`");

/** Where it ends. */
export const target = z.string("must be a text").regex(new RegExp(`^${reference("input|handler")}$`), "must be MODULE.input.NAME or MODULE.handler.NAME");

/** A reference as it was written, taken apart; module names may have dots. */
export function endOf(written: string): { readonly module: string; readonly kind: string; readonly name: string } {
    const parts = written.split(".");
    const [kind = "", name = ""] = parts.splice(-2);
    return { module: parts.join("."), kind, name };
}
