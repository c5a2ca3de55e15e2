// npm run pulumi -- ARGS: the Pulumi CLI that set-up found or built, on the state of the demonstration.
import { toolchain } from "../setup/toolchain";
import { runOnDemo } from "./run";

runOnDemo([toolchain().pulumi, ...process.argv.slice(2)]);
