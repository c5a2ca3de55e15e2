// Compiles a module while the program runs, so that its interface and measurement are known in preview.

import * as pulumi from "@pulumi/pulumi";
import { AuthenticError } from "../provider/errors";
import type { Build, Declaration, Tee } from "../provider/tee/tee";
import { type PlaceInputs, placeOf } from "../provider/lifecycle/board";
import { configurationProblems, type DeclarationState, deviceProblems, endpointOf, interfaceState } from "../provider/lifecycle/interface";
import { instead } from "../provider/lifecycle/names";
import { type Problem, problem } from "../provider/lifecycle/problems";
import type { Deployment } from "./deployment";
import type { ModuleArgs } from "./module";

/** A module as the program knows it; of one that does not compile, only the problems. */
export interface ModulePlan {
    readonly problems: readonly Problem[];
    readonly tee?: Tee;
    readonly build?: Build;
    /** The interface, by endpoint number. */
    readonly declarations?: readonly DeclarationState[];
    readonly codeMeasurement?: string;
    readonly kit?: string;
    /** Device name → pin. */
    readonly devices?: Readonly<Record<string, string>>;
    /** On a board: what it is built for, and where it goes. */
    readonly place?: NonNullable<PlaceInputs>;
}

/**
 * Builds a module and examines everything about it that does not wait for other resources.
 *
 * @returns a promise that never rejects
 */
export async function planModule(name: string, args: ModuleArgs): Promise<ModulePlan> {
    const { node } = args;
    const { registry } = node.deployment;
    const problems = registry.addModule(name);
    problems.push(...node.board?.problems(args.slot) ?? []);
    const place = node.board?.place(args.slot);
    const position = registry.addTo(node.nodeName);
    for (const [device, pin] of Object.entries(args.devices ?? {})) {
        problems.push(...registry.claimPin(name, node.nodeName, device, pin));
    }
    try {
        const { surroundings } = await import("../provider/lifecycle/surroundings.js");
        const tee = (await (await surroundings()).tees())[node.tee];
        if (tee === undefined) {
            // The node's own check says so.
            return { problems };
        }
        const build = await tee.build({
            name,
            sources: [args.source].flat(),
            ...(args.language === undefined ? {} : { language: args.language }),
            ...(args.includes === undefined ? {} : { includes: args.includes }),
            ...(args.defines === undefined ? {} : { defines: args.defines }),
            ...placeOf(place, args.devices),
        });
        const names = build.interface.filter(({ kind }) => kind === "device").map((device) => device.name);
        const devices = args.devices ?? Object.fromEntries(names.map((device) => [device, device]));
        problems.push(...deviceProblems(build.interface, devices, tee.peripherals), ...roomProblems(tee, node.nodeName, position), ...configurationProblems(build.interface, plainPart(args.config ?? {})));
        return {
            problems,
            tee,
            build,
            declarations: interfaceState(build.interface),
            codeMeasurement: Buffer.from(build.codeMeasurement).toString("hex"),
            kit: Buffer.from(build.kit).toString("hex"),
            ...(place === undefined ? {} : { place }),
            devices,
        };
    } catch (error) {
        return { problems: [...problems, problem("source", messageOf(error))] };
    }
}

/** @param position - of the module among those of its node, from 1 */
function roomProblems({ room }: Tee, node: string, position: number): Problem[] {
    return room === undefined || position <= room.modules ? []
        : [problem("node", `node "${node}" has room for ${room.modules} modules; place this one on another node`)];
}

/** The measurement that the module will have; unknown in previews as long as the deployment or a value is. */
export function measurementOf(
    plan: Promise<ModulePlan>, name: string, deployment: Deployment, config: pulumi.Output<Record<string, number | string>>,
): pulumi.Output<string | undefined> {
    return pulumi.all([deployment.deploymentId, deployment.publicKey, config]).apply(async ([deploymentId, publicKey, values]) => {
        const { tee, build, devices, problems } = await plan;
        if (tee === undefined || build === undefined || problems.length > 0) {
            return undefined;
        }
        const { finalImage } = await import("../provider/lifecycle/identity.js");
        return Buffer.from(finalImage(tee, build, { deploymentId, publicKey, name, values, devices }).measurement).toString("hex");
    });
}

/**
 * Problems of a reference to a declaration; none while the module does not compile, which is problem enough.
 *
 * @param property - the argument that holds the reference
 */
export function declarationProblems(plan: ModulePlan, module: string, kind: Declaration["kind"], name: string, property: string): Problem[] {
    const declarations = plan.declarations;
    if (declarations === undefined || endpointOf(declarations, kind, name) !== undefined) {
        return [];
    }
    const other = declarations.find((one) => one.name === name);
    const known = declarations.filter((one) => one.kind === kind).map((one) => one.name);
    const is = other === undefined ? "" : ` ("${name}" is ${article(other.kind)})`;
    return [problem(property, `module "${module}" has no ${kind} "${name}"${is}; ${instead(name, known, `${plural(kind)} of ${module}`)}`)];
}

function article(kind: string): string {
    return /^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`;
}

function plural(kind: string): string {
    return kind === "entry" ? "entries" : `${kind}s`;
}

/** Values that are known without waiting. */
function plainPart(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(Object.entries(config).map(([key, value]) =>
        [key, pulumi.Output.isInstance(value) || value instanceof Promise ? undefined : value]));
}

function messageOf(error: unknown): string {
    return error instanceof AuthenticError || error instanceof Error ? error.message : String(error);
}
