// npm run authentic -- ARGS: this package's own command line, on the stack of the demonstration.
import * as path from "node:path";
import { packageRoot } from "../setup/toolchain";
import { runOnDemo } from "./run";

runOnDemo([process.execPath, path.join(packageRoot(), "dist", "provider", "cli", "main.js"), ...process.argv.slice(2)]);
