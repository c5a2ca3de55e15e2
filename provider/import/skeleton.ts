// Sources of imported modules: their declarations, with bodies that do nothing, so that the project runs before they are ported.

import type { ImportedModule } from "./convert";

/** Bytes of events and replies; a Sancus board takes 128 and 127. */
const MAXIMUM = 64;

/** The source of a module. */
export function skeleton(module: ImportedModule): string {
    const declarations = [...module.declarations].sort(([, a], [, b]) => ORDER.indexOf(a) - ORDER.indexOf(b));
    return module.language === "c" ? inC(module, declarations) : inRust(module, declarations);
}

const ORDER = ["output", "request", "input", "handler", "entry"] as const;
type Declarations = readonly (readonly [name: string, kind: (typeof ORDER)[number]])[];

const opening = ({ name, original }: ImportedModule) => [
    `// ${name}: what the imported descriptor says that it declares. Events have at most ${MAXIMUM} bytes: write what they really have.`,
    `// Its functions are those of ${original.replace(/[\r\n]/g, " ")}, and belong into the bodies here; docs/import.md says how.`,
];

function inC(module: ImportedModule, declarations: Declarations): string {
    const unused = ["    (void)data;", "    (void)length;"];
    const bodies: Record<(typeof ORDER)[number], (name: string) => string[]> = {
        output: (name) => [`AUTHENTIC_OUTPUT(${name}, ${MAXIMUM})`],
        request: (name) => [`AUTHENTIC_REQUEST(${name}, ${MAXIMUM}, ${MAXIMUM})`],
        input: (name) => ["", `AUTHENTIC_INPUT(${name}, ${MAXIMUM}) {`, ...unused, "}"],
        handler: (name) => ["", `AUTHENTIC_HANDLER(${name}, ${MAXIMUM}, ${MAXIMUM}) {`, ...unused, "    (void)reply;", "    (void)capacity;", "    return 0;", "}"],
        entry: (name) => ["", `AUTHENTIC_ENTRY(${name}, 0) {`, ...unused, "}"],
    };
    return [...opening(module), "#include <authentic.h>", "", ...declarations.flatMap(([name, kind]) => bodies[kind](name)), ""].join("\n");
}

function inRust(module: ImportedModule, declarations: Declarations): string {
    const bodies: Record<(typeof ORDER)[number], (name: string) => string[]> = {
        output: (name) => [`#[output(${MAXIMUM})]`, `fn ${name}(data: &[u8]) -> authentic::Result;`],
        request: (name) => [`#[request(${MAXIMUM}, reply = ${MAXIMUM})]`, `fn ${name}(data: &[u8], reply: &mut [u8]) -> authentic::Result<usize>;`],
        input: (name) => [`#[input(${MAXIMUM})]`, `fn ${name}(_data: &[u8]) {}`],
        handler: (name) => [`#[handler(${MAXIMUM}, reply = ${MAXIMUM})]`, `fn ${name}(_data: &[u8], _reply: &mut [u8]) -> Result<usize, authentic::Refused> {`, "    Ok(0)", "}"],
        entry: (name) => ["#[entry]", `fn ${name}() {}`],
    };
    const kinds = ORDER.filter((kind) => declarations.some(([, other]) => other === kind)).sort();
    return [
        ...opening(module), "#![no_std]", "#![allow(dead_code)]", ...(kinds.length === 0 ? ["extern crate authentic;"] : [`use authentic::${kinds.length === 1 ? kinds.join("") : `{${kinds.join(", ")}}`};`]),
        ...declarations.flatMap(([name, kind]) => ["", ...bodies[kind](name)]), "",
    ].join("\n");
}
