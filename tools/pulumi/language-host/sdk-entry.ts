// Runs an entry point of the @pulumi/pulumi that the current folder resolves to:
// `dynamic-provider` for pulumi-resource-pulumi-nodejs, `run-policy-pack` for pulumi-analyzer-policy.
import { createRequire } from "node:module";
import * as path from "node:path";

const [name = "", ...rest] = process.argv.slice(2);
const resolveFrom = createRequire(path.join(process.cwd(), "package.json"));
try {
    const entry = resolveFrom.resolve(`@pulumi/pulumi/cmd/${name}`);
    process.argv = [process.argv[0] ?? process.execPath, entry, ...rest];
    resolveFrom(entry);
} catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    console.error(`${(error as Error).message.split("\n")[0] ?? ""}\nRun \`npm install\` in ${process.cwd()}.`);
    process.exit(1);
}
