// Finds the program's own copy of @pulumi/pulumi, whose entry points run programs and plugins,
// and reads the runtime options of Pulumi.yaml.
import { createRequire } from "node:module";
import * as path from "node:path";
import type { ProgramInfo } from "@pulumi/pulumi/proto/language_pb";

/**
 * The path of an entry point of the SDK as seen from a program.
 *
 * @param directory - folder of the program
 * @throws Error that tells to install the SDK where the program has none
 */
export function sdkEntryPoint(directory: string, name: "run" | "run-plugin" | "run-policy-pack"): string {
    try {
        return createRequire(path.join(directory, "package.json")).resolve(`@pulumi/pulumi/cmd/${name}`);
    } catch (cause) {
        // Where it concerns policy packs, the engine recognizes the last sentence.
        throw new Error(
            `The Pulumi SDK is not installed in ${directory}. Run \`npm install\` there. Cannot find module '@pulumi/pulumi/cmd/${name}'`,
            { cause },
        );
    }
}

/** Options of `runtime: { name: nodejs, options: … }`. */
export interface RuntimeOptions {
    /** Run TypeScript by ts-node; the default. */
    readonly typescript: boolean;
    /** Path of a tsconfig.json other than the one beside the program. */
    readonly tsconfig: string | undefined;
    /** Arguments for node itself. */
    readonly nodeargs: readonly string[];
    /** The program that installs dependencies. */
    readonly packagemanager: string;
}

const PACKAGE_MANAGERS = ["npm", "pnpm", "yarn", "bun"];

/**
 * Reads the runtime options.
 *
 * @throws Error naming the option that is wrong and what it may be
 */
export function runtimeOptions(info: ProgramInfo | undefined): RuntimeOptions {
    const options = info?.getOptions()?.toJavaScript() ?? {};
    const text = (name: string): string | undefined => {
        const value = options[name];
        if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
        throw new Error(`Pulumi.yaml: runtime option \`${name}\` must be a string`);
    };
    const typescript = options["typescript"] ?? true;
    if (typeof typescript !== "boolean") throw new Error("Pulumi.yaml: runtime option `typescript` must be true or false");
    const packagemanager = text("packagemanager") ?? "npm";
    if (packagemanager !== "auto" && !PACKAGE_MANAGERS.includes(packagemanager)) {
        throw new Error(`Pulumi.yaml: runtime option \`packagemanager\` must be one of ${PACKAGE_MANAGERS.join(", ")}`);
    }
    return {
        typescript,
        tsconfig: text("tsconfig"),
        nodeargs: (text("nodeargs") ?? "").split(/\s+/).filter((argument) => argument !== ""),
        packagemanager: packagemanager === "auto" ? "npm" : packagemanager,
    };
}
