// The attacker turns to the enclaves of the deployed system. Each attempt says what was really done; whether it got anywhere
// is judged by what was found in memory, by the processor's answers, and by the deployer who challenges the module meanwhile.
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { attestOne, chosenModules, type ModuleAttestation } from "../../provider/cli/attestation";
import type { DeployedStack } from "../../provider/stack/stack";
import { generateVendorKey } from "../../provider/tee/sgx/vendor-key";
import { Attacker, type Imposture, impostures, type Prepared, standingIn, type Victim, warmUps } from "../attacker/impostor";
import { enterEverywhere, readMemory, type Tried } from "../attacker/intruder";
import { packageRoot } from "../setup/toolchain";
import { dim, green, red, say } from "./screen";

/** What came of one attempt. */
export interface Attempt {
    /** Nothing was gained, and what would show that the attempt was none did not happen. */
    readonly held: boolean;
    readonly goal: string;
    readonly did: string;
}

const total = ({ processVmReadv, procMem, ptrace }: Tried) => processVmReadv.bytes + procMem.bytes + ptrace.bytes;

/** Reads the memory of a module's host, and of a process that does nothing against it. */
export async function memory(pid: number): Promise<Attempt> {
    const { user, control, target: { map, secret, code } } = await readMemory(pid);
    const works = [control.processVmReadv, control.procMem, control.ptrace].every(({ bytes }) => bytes > 0);
    const refusals = [...new Set([secret.processVmReadv, secret.procMem, secret.ptrace].map(({ refusal }) => refusal))].join(", ");
    return {
        held: works && total(secret) === 0 && secret.pages > 0,
        goal: "the host's user reads what the enclave keeps",
        did: `as user ${String(user)}, by process_vm_readv, /proc/${String(pid)}/mem and ptrace: ${String(total(control))} bytes of an unprotected process, `
            + `${String(total(secret))} bytes of the enclave at ${String(secret.pages)} pages (${refusals}${map === null ? "" : `; its map: ${map}`})`
            + (code === undefined ? "" : `; as root ${String(total(code))} bytes of code, which is no secret`),
    };
}

/** Enters a module's image wherever an address lets one try. */
export async function entries(image: string): Promise<Attempt> {
    const { attempts, refused, entered, genuine } = await enterEverywhere(image);
    const answers = Object.entries(refused).map(([why, count]) => `${String(count)} times "${why}"`).join(", ");
    return {
        held: entered.length === 0 && genuine === "returned 0" && Object.values(refused).reduce((sum, one) => sum + one, 0) === attempts,
        goal: "the enclave is entered where it checks nothing",
        did: `EENTER at ${String(attempts)} addresses that are not its TCS: ${answers}${entered.length === 0 ? "" : `; entered: ${entered.join(", ")}`}. At its TCS it ${genuine}`,
    };
}

const attested = async (stack: DeployedStack, name: string): Promise<ModuleAttestation> => {
    const [module] = chosenModules(stack, [name]);
    if (module === undefined) throw new Error(`no module ${name}`);
    return attestOne(module, stack);
};

/** What the deployer refuses, in a line; the verdict's claims say whose evidence it was. */
function told({ outcome, verdict, error }: ModuleAttestation): string {
    return outcome === "accepted" ? "the deployer believed it" : `the deployer: ${verdict?.reasons[0]?.code ?? error?.code ?? outcome}`;
}

/** Whether the evidence that the deployer saw was what the attacker says it was. */
function wasShown(seen: ModuleAttestation, shows: Prepared["shows"]): boolean {
    const claims = (seen.verdict?.claims ?? {}) as Record<string, unknown>;
    return Object.entries(shows).every(([name, value]) => claims[name] === value);
}

/** Has the deployer challenge a module while something else answers. */
export async function impersonate(name: string, imposture: Imposture, attacker: Attacker, stack: DeployedStack): Promise<Attempt & { readonly seen: ModuleAttestation }> {
    const prepared = await imposture.prepare(attacker);
    try {
        const seen: ModuleAttestation[] = [];
        const answered = await standingIn(attacker, prepared, async () => {
            for (let challenge = 0; challenge <= warmUps(name); challenge++) seen.push(await attested(stack, attacker.victim.name));
        });
        const last = seen.at(-1);
        if (last === undefined) throw new Error("nobody challenged the module");
        const before = seen.slice(0, -1).every(({ outcome }) => outcome === "accepted");
        return {
            held: before && answered === seen.length && last.outcome === "refused" && wasShown(last, prepared.shows),
            goal: imposture.goal, seen: last,
            did: `answered ${String(answered)} of ${String(seen.length)} challenges in the module's place`
                + `${Object.entries(prepared.shows).map(([key, value]) => `, with ${key} ${value.slice(0, 16)}`).join("")}; ${told(last)}`,
        };
    } finally {
        await attacker.close();
    }
}

/** The same modules in a stack that wants hardware: their evidence is genuine in everything but its root. */
export async function emulatedRoot(stack: DeployedStack, name: string): Promise<Attempt & { readonly seen: ModuleAttestation }> {
    const module = stack.module(name);
    // Where a hardware node gets its collateral: the attacker runs that as well.
    const agent = stack.agent(module.nodeName);
    const service = http.createServer((request, response) => {
        void agent.collateral(request.url ?? "/").then((found) => found.ok ? response.writeHead(200, Object.fromEntries(found.headers)).end(found.body) : response.writeHead(404).end(), () => response.destroy());
    });
    await new Promise<void>((resolve) => { service.listen(0, "127.0.0.1", resolve); });
    const cache = fs.mkdtempSync(path.join(module.nodeFolder, "attacked-"));
    try {
        const { port } = service.address() as AddressInfo;
        const trust = { ...module.trust, emulated: false, collateral: { cache } };
        const seen = await attestOne({ ...module, measurement: module.measurement ?? "", backend: "hardware", platform: { collateralUrl: `http://127.0.0.1:${String(port)}` }, trust }, stack);
        const reasons = seen.verdict?.reasons ?? [];
        return {
            held: seen.outcome === "refused" && reasons.some(({ claim }) => /root/i.test(claim)), seen,
            goal: "an emulator is taken for SGX hardware",
            did: `showed the emulated platform's quote and collateral to a stack that wants hardware; the deployer: ${reasons.map(({ code, claim }) => `${code} (${claim})`).join(", ")}`,
        };
    } finally {
        await new Promise((resolve) => service.close(resolve));
        fs.rmSync(cache, { recursive: true });
    }
}

/**
 * What the owner of a module's agent knows of it.
 *
 * @param program - folder of the Pulumi program, to which the module's sources are relative
 */
export function victimOf(stack: DeployedStack, name: string, program: string): Victim {
    const { instance, deploymentId, deployerPublicKey, config, source, nodeFolder } = stack.module(name);
    return { agent: path.join(nodeFolder, "agent.sock"), name, instance, deploymentId, deployerPublicKey, config, source: source.map((one) => path.resolve(program, one)) };
}

/**
 * Every attempt on a module of the example, one after the other.
 *
 * @returns how many got anywhere, or were none; 0 is what is expected
 */
export async function besiege(stack: DeployedStack, name: string): Promise<number> {
    const { instance, nodeName, nodeFolder } = stack.module(name);
    const pid = (await stack.agent(nodeName).instance(instance))?.pid;
    if (pid === undefined) throw new Error(`module ${name} has no process`);
    const attacker = new Attacker(victimOf(stack, name, path.join(packageRoot(), "examples", "smart-irrigation")), await generateVendorKey());
    const attempts: readonly [string, () => Promise<Attempt>][] = [
        ["memory", () => memory(pid)],
        ["entries", () => entries(path.join(nodeFolder, "instances", instance, "image"))],
        ...Object.entries(impostures).map(([each, imposture]): [string, () => Promise<Attempt>] => [each, () => impersonate(each, imposture, attacker, stack)]),
        ["emulated-root", () => emulatedRoot(stack, name)],
    ];
    let failures = 0;
    for (const [each, make] of attempts) {
        const { held, goal, did } = await make();
        if (!held) failures++;
        say(`   ${held ? green("held  ") : red("BROKEN")} ${each.padEnd(16)} ${did}`);
        say(dim(`          wanted: ${goal}`));
    }
    const afterwards = await attested(stack, name);
    say(`   Without the attacker the ${name} is ${afterwards.outcome}.`);
    return failures + (afterwards.outcome === "accepted" ? 0 : 1);
}
