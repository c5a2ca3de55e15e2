// The files of an imported project.

import { stringify } from "yaml";
import type { DocumentPath } from "../application/document";
import type { Imported } from "./convert";
import { skeleton } from "./skeleton";

/** What the files are made from. */
export interface ProjectFacts {
    /** Name of the project and of its application. */
    readonly name: string;
    /** The descriptor that was read, as people know it. */
    readonly file: string;
    readonly imported: Imported;
    /** `line:column` of a path in that. */
    readonly at: (path: DocumentPath) => string;
    /** Versions of the packages that the project needs. */
    readonly packages: Readonly<Record<string, string>>;
}

/** Files by their path in the folder. Those in `modules/` become the user's own: they are never written over. */
export function projectFiles(facts: ProjectFacts): Record<string, string> {
    const { name, file, imported } = facts;
    const sections = Object.fromEntries(Object.entries(imported.descriptor).filter(([, section]) => Object.keys(section as object).length > 0));
    return {
        "Pulumi.yaml": stringify({ name, description: `Imported from ${file}`, runtime: "nodejs", main: "index.ts" }),
        "package.json": `${JSON.stringify({ name, private: true, dependencies: facts.packages, devDependencies: { "ts-node": "10.9.2", "typescript": "5.9.3" } }, null, 2)}\n`,
        "index.ts": [
            `import * as ae from "pulumi-authentic";`, "", `const application = new ae.Application(${JSON.stringify(name)}, { descriptor: "application.yaml" });`, "",
            "/** What evidence of each module shows, and what vouches for it. */", "export const { measurements, assurance } = application;", "",
        ].join("\n"),
        "application.yaml": `# yaml-language-server: $schema=node_modules/pulumi-authentic/schema/application.json\n${stringify(sections, { lineWidth: 0 })}`,
        "Pulumi.dev.yaml": stringify({ config: { "authentic:trust": devTrust(imported) } }),
        "Pulumi.prod.yaml": prodStack(imported),
        "IMPORT.md": report(facts),
        ...Object.fromEntries(imported.modules.map((module) => [`modules/${module.name}.${module.language === "c" ? "c" : "rs"}`, skeleton(module)])),
    };
}

const weakBoards = ({ security }: Imported) => (security === 64 ? { sancus: { minimumSecurity: 64 } } : {});

function devTrust(imported: Imported) {
    const { kinds } = imported;
    return { ...([...kinds].some((kind) => kind !== "native") ? { emulated: true } : {}), ...(kinds.has("native") ? { native: true } : {}), ...weakBoards(imported) };
}

function prodStack(imported: Imported): string {
    const comment = commands(imported).map((command) => `#   ${command}\n`).join("");
    return `${comment === "" ? "" : `# Set what this stack needs:\n${comment}`}${stringify({ config: { "authentic:trust": { ...weakBoards(imported) } } })}`;
}

/** What has to be set before the stack `prod` can be deployed. */
export function commands({ secrets, values }: Imported): string[] {
    return [
        ...values.map(({ key, what }) => `pulumi config set --stack prod ${key} VALUE   # ${what}`),
        ...secrets.map(({ key, from, file }) => `pulumi config set --stack prod --secret ${key}${file === undefined ? "" : ` < ${quoted(file)}`}   # ${from}`),
    ];
}

function quoted(file: string): string {
    return /^[A-Za-z0-9_./-]+$/.test(file) ? file : `'${file.replace(/[\r\n]/g, "").replaceAll("'", "'\\''")}'`;
}

/** One line for each reason, with the places that it concerns. */
export function leftoverLines({ file, imported, at }: Pick<ProjectFacts, "file" | "imported" | "at">): string[] {
    const grouped = new Map<string, { why: string; instead: string; places: string[] }>();
    for (const { path, why, instead } of imported.leftovers) {
        const field = path.map((step) => typeof step === "number" ? `[${step}]` : `.${String(step)}`).join("").replace(/^\./, "").replaceAll("`", "'");
        const key = `${why}\n${instead}`;
        const entry = grouped.get(key) ?? { why, instead, places: [] };
        grouped.set(key, entry);
        entry.places.push(`${file}:${at(path)} \`${field}\``);
    }
    return [...grouped.values()].map(({ why, instead, places }) => `${places.join(", ")}: ${why}. ${instead.startsWith("nothing: ") ? `Nothing to do: ${instead.slice("nothing: ".length)}` : `Instead: ${instead}`}`);
}

function report(facts: ProjectFacts): string {
    const { file, imported } = facts;
    const lines = leftoverLines(facts);
    return [
        `# Imported from ${file}`, "",
        "Try it on this machine, with emulated TEEs:", "", "```sh", "npm install", "pulumi stack init dev", "pulumi up", "```", "",
        "The modules declare what the descriptor says of them and do nothing yet: port their functions into `modules/` (docs/import.md of pulumi-authentic).", "",
        "## Production", "", "The environment `prod` in `application.yaml` is for hardware.", "",
        ...(commands(imported).length === 0 ? [] : ["```sh", ...commands(imported), "```", "", "Secrets were not copied: they stand in the old descriptor in clear, so take them for known.", ""]),
        "## Without equivalent", "", ...(lines.length === 0 ? ["Everything was carried over."] : lines.map((one) => `- ${one}`)), "",
    ].join("\n");
}
