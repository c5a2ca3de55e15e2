// Imports a deployment descriptor of reactive-tools: reads it, and writes a project.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { line } from "../application/descriptor";
import { type DocumentPath, type Finding, readDocument } from "../application/document";
import { findingsOf } from "../application/issues";
import { AuthenticError } from "../errors";
import { instead, list } from "../lifecycle/names";
import { convert, type Imported } from "./convert";
import { commands, leftoverLines, type ProjectFacts, projectFiles } from "./project";
import { type Reactive, reactiveSchema } from "./reactive";

/**
 * Reads a descriptor of reactive-tools.
 *
 * @param text - its content, JSON or YAML
 * @param file - its name, for people
 * @throws AuthenticError `AE-IMPORT-DESCRIPTOR` with everything that keeps it from being understood
 */
function readReactive(text: string, file: string): Pick<ProjectFacts, "imported" | "at"> {
    const document = readDocument(text);
    const at = (finding: Pick<Finding, "path" | "name" | "at">) => finding.at ?? document.locate(finding.path, finding.name).at;
    const form = document.findings.length > 0 ? document.findings : findingsOf(reactiveSchema, document.value);
    const findings = form.length > 0 ? form : references(reactiveSchema.parse(document.value));
    if (findings.length > 0) {
        const lines = findings.map((finding) => line(`${file}:${at(finding)}`, finding));
        throw new AuthenticError("AE-IMPORT-DESCRIPTOR", `${file} is no deployment descriptor of reactive-tools that can be read`, `correct it:\n  ${[...new Set(lines)].join("\n  ")}`);
    }
    return { imported: convert(reactiveSchema.parse(document.value)), at: (of) => at({ path: of }) };
}

/** What reactive-tools would refuse as well. */
function references({ nodes, modules, connections, "periodic-events": events }: Reactive): Finding[] {
    const moduleNames = modules.map(({ name }) => name);
    const known = (module: string | null | undefined, at: readonly PropertyKey[]): Finding[] =>
        typeof module !== "string" || moduleNames.includes(module) ? [] : [{ path: at, reason: `there is no module "${module}"; ${instead(module, moduleNames, "modules")}` }];
    const twice = (names: readonly string[], section: string): Finding[] => names.flatMap((name, index) => names.indexOf(name) === index ? []
        : [{ path: [section, index, "name"], reason: `"${name}" stands here for the second time; give one of the two another name` }]);
    return [
        ...twice(nodes.map(({ name }) => name), "nodes"), ...twice(moduleNames, "modules"),
        ...modules.flatMap(({ type, node }, index): Finding[] => {
            const found = nodes.find(({ name }) => name === node);
            if (found === undefined) return [{ path: ["modules", index, "node"], reason: `there is no node "${node}"; ${instead(node, nodes.map(({ name }) => name), "nodes")}` }];
            return found.type === type ? [] : [{ path: ["modules", index, "type"], reason: `a module of type ${type} does not run on node "${node}", which is of type ${found.type}; correct one of the two` }];
        }),
        ...(connections ?? []).flatMap((one, index): Finding[] => {
            const at = ["connections", index];
            const count = (...fields: readonly unknown[]) => fields.filter((field) => field !== undefined && field !== null).length;
            const direct = one.direct === true;
            return [
                ...known(one.to_module, [...at, "to_module"]), ...(direct ? [] : known(one.from_module, [...at, "from_module"])),
                ...(count(one.to_input, one.to_handler) === 1 ? [] : [{ path: at, reason: "needs either to_input or to_handler; add the one where events arrive, or remove one of the two" }]),
                ...(direct ? count(one.from_module, one.from_output, one.from_request) === 0 ? [] : [{ path: at, reason: "is direct and begins at the deployer; remove from_module, from_output and from_request" }]
                    : count(one.from_module) === 1 && count(one.from_output, one.from_request) === 1 ? [] : [{ path: at, reason: "needs from_module and either from_output or from_request, or `direct: true`; add what is missing, or remove what is too much" }]),
                ...(direct || count(one.from_request) === count(one.to_handler) ? [] : [{ path: at, reason: "joins an output with a handler, or a request with an input; an output goes to an input, a request to a handler: write to_input or from_request in its place" }]),
                ...(!direct && one.from_module === one.to_module ? [{ path: at, reason: "connects a module to itself; call the function in the module" }] : []),
            ];
        }),
        ...(events ?? []).flatMap(({ module }, index) => known(module, ["periodic-events", index, "module"])),
    ];
}

/** What to import, and where to. */
export interface ImportRequest {
    /** The descriptor's content and name. */
    readonly text: string;
    readonly file: string;
    /** Name of the project. */
    readonly name: string;
    readonly folder: string;
    /** Packages that the project needs → version. */
    readonly packages: Readonly<Record<string, string>>;
    readonly force?: boolean | undefined;
}

/** What became of it. */
export interface ImportOutcome extends Written {
    readonly folder: string;
    /** What has no equivalent, and where it stands. */
    readonly leftovers: readonly { readonly at: string; readonly path: DocumentPath; readonly why: string; readonly instead: string }[];
    /** The same for people, one line for each reason. */
    readonly lines: readonly string[];
    /** What to run before the stack `prod` can be deployed. */
    readonly commands: readonly string[];
    readonly imported: Imported;
}

/**
 * Imports a descriptor.
 *
 * @throws AuthenticError `AE-IMPORT-DESCRIPTOR`, `AE-IMPORT-EXISTS`, `AE-IMPORT-WRITE`; then nothing is written, as far as that lies with us
 */
export function importDescriptor({ text, file, name, folder, packages, force = false }: ImportRequest): ImportOutcome {
    const { imported, at } = readReactive(text, file);
    const facts = { name, file, imported, at, packages };
    const written = writeProject(folder, projectFiles(facts), force);
    return {
        ...written, folder, imported, lines: leftoverLines(facts), commands: commands(imported),
        leftovers: imported.leftovers.map(({ path: where, why, instead: remedy }) => ({ at: `${file}:${at(where)}`, path: where, why, instead: remedy })),
    };
}

/** What was written. */
interface Written {
    readonly files: readonly string[];
    /** Sources of modules that were there before. */
    readonly kept: readonly string[];
}

/**
 * Writes a project.
 *
 * @param force - write over files that are there; but never over the sources of modules
 * @throws AuthenticError `AE-IMPORT-EXISTS` where it would write over something, and then nothing is written; `AE-IMPORT-WRITE`
 */
function writeProject(folder: string, files: Readonly<Record<string, string>>, force: boolean): Written {
    const names = Object.keys(files);
    const own = (name: string) => name.startsWith("modules/");
    const there = names.filter((name) => existsSync(path.join(folder, name)));
    const kept = there.filter(own);
    const inTheWay = there.filter((name) => !own(name));
    if (inTheWay.length > 0 && !force) {
        throw new AuthenticError("AE-IMPORT-EXISTS", `${folder} has ${list(inTheWay)} already`, "name an empty folder with --output, or write over them with --force, which keeps the sources of modules");
    }
    const written = names.filter((name) => !kept.includes(name));
    try {
        for (const name of written) {
            mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
            writeFileSync(path.join(folder, name), files[name] ?? "", { flag: force ? "w" : "wx" });
        }
    } catch (error) {
        throw new AuthenticError("AE-IMPORT-WRITE", `${folder} cannot be written (${error instanceof Error ? error.message : String(error)})`, "name a folder that you can write to with --output");
    }
    return { files: written, kept };
}
