// Installs the language host beside a CLI that was built here: one bundled file and the launchers the
// engine looks for. Nothing in it points back at the work tree, which may move or go.
import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { hashFiles, isStamped, listFiles, writeStamp } from "./stamp.mjs";

const SOURCE = path.join("tools", "pulumi", "language-host");

/** Launcher name → bundle and arguments it runs with. */
const LAUNCHERS = {
    "pulumi-language-nodejs": "language-host.cjs",
    "pulumi-resource-pulumi-nodejs": "sdk-entry.cjs dynamic-provider",
    "pulumi-analyzer-policy": "sdk-entry.cjs run-policy-pack",
};

/**
 * @param {string} file
 * @param {string} content
 * @param {number} mode
 */
function replace(file, content, mode) {
    const partial = `${file}.${process.pid}`;
    writeFileSync(partial, content);
    chmodSync(partial, mode);
    renameSync(partial, file);
}

/**
 * Installs the language host, or brings it up to date.
 *
 * @param {string} root the package's folder, with node_modules
 * @param {string} folder where `pulumi` is
 */
export async function installLanguageHost(root, folder) {
    const require = createRequire(path.join(root, "package.json"));
    const versions = ["@pulumi/pulumi", "@grpc/grpc-js", "google-protobuf", "esbuild"].map((name) => {
        const manifest = path.join(root, "node_modules", name, "package.json");
        return `${name}@${JSON.parse(readFileSync(manifest, "utf8")).version}`;
    });
    const stamp = path.join(folder, "language-host.stamp");
    const value = hashFiles(root, [...listFiles(root, [SOURCE]), path.join("tools", "setup", "language-host.mjs")], versions);
    if (isStamped(stamp, value)) return;
    /** @type {typeof import("esbuild")} */
    const esbuild = require("esbuild");
    for (const [entry, bundle] of [
        ["main.ts", "language-host.cjs"],
        ["sdk-entry.ts", "sdk-entry.cjs"],
    ]) {
        const { outputFiles } = await esbuild.build({
            entryPoints: [path.join(root, SOURCE, entry ?? "")],
            bundle: true,
            platform: "node",
            target: "node20",
            format: "cjs",
            legalComments: "inline",
            logLevel: "silent",
            write: false,
        });
        replace(path.join(folder, bundle ?? ""), outputFiles[0]?.text ?? "", 0o644);
    }
    for (const [name, command] of Object.entries(LAUNCHERS)) {
        const [bundle, ...args] = command.split(" ");
        const words = [`exec node "$(dirname "$0")/${bundle}"`, ...args, `"$@"`].join(" ");
        replace(path.join(folder, name), `#!/bin/sh\n${words}\n`, 0o755);
    }
    writeStamp(stamp, value);
}
