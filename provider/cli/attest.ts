// `authentic attest`: challenges the modules of a deployed stack and says what each one proves about itself.

import { Command } from "commander";
import type { EvidenceName, Verdict } from "../attest/evidence";
import { explain } from "../attest/explain";
import { evidenceTypes } from "../attest/registry";
import { attestOne, chosenModules, type ModuleAttestation, type NamedConnection } from "./attestation";
import { ExitCode } from "./exit-code";
import { exportedStack } from "./exported-stack";
import { addStackOptions, type StackOptions } from "./stack-options";
import { table } from "./table";

/** Options of the command, as commander collects them. */
interface AttestOptions extends StackOptions {
    readonly explain?: boolean;
}

const EXAMPLES = `
The stack is asked of Pulumi (\`pulumi stack export --show-secrets\`), because a challenge is signed with the deployer's key.
It stays in memory. A file for --state holds that key in clear: prefer a pipe, and never keep such a file.

The policy is the authentic:trust that was in force at the last \`pulumi up\`. Nothing is changed, neither modules nor state.

Examples:
  All modules of the selected stack:
    $ authentic attest

  Two modules of another stack, with everything their evidence says:
    $ authentic attest controller sensor --stack prod --cwd infrastructure --explain

  Without running Pulumi, for a program:
    $ pulumi stack export --show-secrets | authentic attest --state - --json

Exit codes: 0 all accepted, 3 a module is refused, has failed or does not answer, 2 the call cannot be carried out.`;

/**
 * The subcommand.
 *
 * @param exit - called with the exit code of a call that could be carried out
 */
export function attestCommand(exit: (code: number) => void): Command {
    const command = new Command("attest")
        .description("challenge the modules of a deployed stack with a fresh nonce, and say what each of them proves")
        .argument("[module...]", "names of modules; all of the stack where there is none");
    return addStackOptions(command, true, "{accepted, modules: [{name, outcome, status, verdict, error, …}]}")
        .option("--explain", "say also for accepted modules, line by line, what their evidence claims and what each claim means")
        .addHelpText("after", EXAMPLES)
        .action(async (names: string[], options: AttestOptions) => {
            const stack = await exportedStack(options);
            const modules = await Promise.all(chosenModules(stack, names).map((module) => attestOne(module, stack)));
            const accepted = modules.every(({ outcome }) => outcome === "accepted");
            const output = options.json === true ? JSON.stringify({ accepted, modules }, null, 2) : report(modules, options.explain === true).join("\n");
            process.stdout.write(`${output}\n`);
            exit(accepted ? ExitCode.done : ExitCode.refused);
        });
}

function report(modules: readonly ModuleAttestation[], explained: boolean): string[] {
    const count = modules.filter(({ outcome }) => outcome === "accepted").length;
    return [...modules.flatMap((one) => [...moduleLines(one, explained), ""]), `${count} of ${modules.length} accepted`];
}

function moduleLines(one: ModuleAttestation, explained: boolean): string[] {
    const { name, node, tee, outcome, measurement, status, verdict, error } = one;
    return [
        `${name}: ${outcome}`,
        ...(error === null ? [] : [`  ${error.message}`]),
        `  node         ${node}`,
        `  tee          ${tee}`,
        `  assurance    ${status?.assurance ?? "not established"}`,
        `  measurement  ${measurement} (${proof(status)})`,
        ...statusLines(one),
        ...((explained || outcome === "refused") && verdict !== null ? explanation(verdict, tee) : []),
    ];
}

/** How sure it is that a module has the measurement that is expected. */
function proof(status: ModuleAttestation["status"]): string {
    if (status === null) {
        return "expected";
    }
    return status.assurance === "none" ? "expected; nothing vouches for it" : "expected, and proven";
}

function explanation(verdict: Verdict, tee: string): string[] {
    // What claims nothing was judged as evidence of the node's own type.
    return ["", ...explain(verdict.claims?.evidence ?? (isEvidenceName(tee) ? tee : "none"), verdict)].map((line) => line === "" ? "" : `  ${line}`);
}

function isEvidenceName(tee: string): tee is EvidenceName {
    return Object.hasOwn(evidenceTypes, tee);
}

function statusLines({ status, recordedIncarnation }: ModuleAttestation): string[] {
    if (status === null) {
        return [];
    }
    const { incarnation, state, kit, grants, connections } = status;
    const note = recordedIncarnation === null || recordedIncarnation === incarnation ? "" : ` (started again since: the stack's state has ${recordedIncarnation})`;
    return [
        `  incarnation  ${incarnation}${note}`,
        `  state        ${state}`,
        `  kit          ${kit}`,
        `  grants       ${grants.length === 0 ? "none" : grants.map(({ endpoint, device }) => `${device ?? "undeclared"} (${endpoint})`).join(", ")}`,
        ...(connections.length === 0 ? ["  connections  none"] : ["  connections", ...table(HEADINGS, connections.map(cells), 4)]),
    ];
}

const HEADINGS = ["name", "id", "direction", "epoch", "key id", "next", "acknowledged", "flags"];

function cells({ name, connection, direction, epoch, keyId, next, acknowledged, ...flags }: NamedConnection): string[] {
    const raised = (["active", "pending", "retired", "reset"] as const).filter((flag) => flags[flag]);
    return [name ?? "unknown", String(connection), direction, epoch, keyId, next, acknowledged, raised.length === 0 ? "none" : raised.join(" ")];
}
