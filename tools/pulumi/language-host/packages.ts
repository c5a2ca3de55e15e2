// Reads what is installed for a program: which packages need a Pulumi plugin, and which versions it has.
import * as fs from "node:fs";
import * as path from "node:path";

/** An installed npm package. */
export interface InstalledPackage {
    readonly name: string;
    readonly version: string;
    /** The `pulumi` section of its package.json. */
    readonly pulumi: Readonly<Record<string, unknown>>;
}

/** A resource plugin that a package needs at run time. */
export interface RequiredPlugin {
    readonly name: string;
    /** With a leading `v`, as the engine writes versions. */
    readonly version: string;
    /** Where the plugin is downloaded from; empty for Pulumi's own server. */
    readonly server: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readJson(file: string): Record<string, unknown> | undefined {
    try {
        const value: unknown = JSON.parse(fs.readFileSync(file, "utf8"));
        return isRecord(value) ? value : undefined;
    } catch {
        // Absent, or not a manifest: such a folder is no package.
        return undefined;
    }
}

function readPackage(folder: string): InstalledPackage | undefined {
    const manifest = readJson(path.join(folder, "package.json"));
    if (typeof manifest?.["name"] !== "string" || typeof manifest["version"] !== "string") return undefined;
    return { name: manifest["name"], version: manifest["version"], pulumi: isRecord(manifest["pulumi"]) ? manifest["pulumi"] : {} };
}

function subfolders(folder: string): string[] {
    try {
        return fs.readdirSync(folder).map((name) => path.join(folder, name));
    } catch {
        return [];
    }
}

function collect(modules: string, seen: Set<string>, found: InstalledPackage[]): void {
    for (const entry of subfolders(modules)) {
        const name = path.basename(entry);
        if (name.startsWith(".")) continue;
        for (const folder of name.startsWith("@") ? subfolders(entry) : [entry]) {
            // Linked packages may form cycles, so each real folder is visited once.
            let real: string;
            try {
                real = fs.realpathSync(folder);
            } catch {
                continue;
            }
            if (seen.has(real)) continue;
            seen.add(real);
            const installed = readPackage(real);
            if (installed !== undefined) found.push(installed);
            collect(path.join(real, "node_modules"), seen, found);
        }
    }
}

/**
 * Every package in the node_modules folders that a program resolves from: its own and those above it.
 *
 * @param directory - folder of the program
 */
export function installedPackages(directory: string): InstalledPackage[] {
    const found: InstalledPackage[] = [];
    const seen = new Set<string>();
    for (let folder = path.resolve(directory); ; folder = path.dirname(folder)) {
        collect(path.join(folder, "node_modules"), seen, found);
        if (folder === path.dirname(folder)) return found;
    }
}

/** The resource plugins of packages that declare `"pulumi": { "resource": true }`. */
export function requiredPlugins(directory: string): RequiredPlugin[] {
    const text = (value: unknown): string => (typeof value === "string" ? value : "");
    const plugins = installedPackages(directory)
        .filter(({ pulumi }) => pulumi["resource"] === true)
        .map(({ name, version, pulumi }) => ({
            name: text(pulumi["name"]) || name.replace(/^@pulumi\//, "").replace(/^@/, ""),
            version: `v${(text(pulumi["version"]) || version).replace(/^v/, "")}`,
            server: text(pulumi["server"]),
        }));
    return [...new Map(plugins.map((plugin) => [`${plugin.name}@${plugin.version}`, plugin])).values()];
}

/**
 * Names and versions of a program's dependencies.
 *
 * @param transitive - also those of its dependencies
 */
export function programDependencies(directory: string, transitive: boolean): InstalledPackage[] {
    const installed = installedPackages(directory);
    if (transitive) return installed;
    const direct = new Set<string>();
    for (let folder = path.resolve(directory); ; folder = path.dirname(folder)) {
        const manifest = readJson(path.join(folder, "package.json"));
        if (manifest !== undefined) {
            for (const section of [manifest["dependencies"], manifest["devDependencies"]]) {
                if (isRecord(section)) for (const name of Object.keys(section)) direct.add(name);
            }
            break;
        }
        if (folder === path.dirname(folder)) break;
    }
    // The nearest copy comes first, and is the one the program loads.
    return [...new Map(installed.filter(({ name }) => direct.has(name)).reverse().map((found) => [found.name, found])).values()].reverse();
}
