// Examines a connection while the program runs: what its ends declare, and whether they fit.

import { connectionNumber } from "../provider/lifecycle/identity";
import { list } from "../provider/lifecycle/names";
import { type Problem, problem } from "../provider/lifecycle/problems";
import { endpointOf } from "../provider/lifecycle/interface";
import type { Declaration } from "../provider/tee/tee";
import type { ConnectionArgs } from "./connection";
import { Deployment } from "./deployment";
import type { Endpoint, EndpointKind } from "./endpoint";
import { declarationProblems, type ModulePlan } from "./module-plan";
import { type ConnectionEnds, type Load, loadProblems } from "./registry";

/** Cipher suites by the numbers of docs/protocol.md section 4. */
const SUITES = ["none", "chacha20-poly1305", "aes-128-gcm", "spongewrap-128", "spongewrap-64"] as const;

/** Weakest first. */
const ASSURANCES = ["none", "emulated", "hardware"] as const;

const DEFAULT_WINDOW = 64;

/** A connection as the program knows it. */
export interface ConnectionPlan {
    readonly problems: readonly Problem[];
    readonly kind: "event" | "request" | "deployer";
    readonly suite: string;
    readonly window: number;
    readonly fromEndpoint?: number;
    readonly toEndpoint?: number;
}

/**
 * Examines a connection.
 *
 * @returns a promise that never rejects
 */
export function planConnection(name: string, args: ConnectionArgs): Promise<ConnectionPlan> {
    const { from, to } = args;
    const { registry } = to.module.node.deployment;
    const source = from instanceof Deployment ? undefined : from;
    const kind = source === undefined ? "deployer" : source.kind === "request" ? "request" : "event";
    const ends: ConnectionEnds = {
        from: source === undefined ? { name: "deployer", kind: "deployer" } : { module: source.module.moduleName, name: source.name, kind: source.kind },
        to: { module: to.module.moduleName, name: to.name, kind: to.kind },
    };
    const number = connectionNumber({
        name, kind, delivery: args.delivery ?? "strict", from: source === undefined ? undefined : { module: source.module.moduleName, name: source.name }, to: { module: to.module.moduleName, name: to.name },
    });
    const problems = registry.addConnection(name, ends, number);
    const load = registry.load(ends);
    problems.push(...kindProblems(source, to), ...deploymentProblems(from, to), ...assuranceProblems(source, to, args.minAssurance));
    if (kind !== "event" && args.delivery === "latest") {
        problems.push(problem("delivery", "only events between modules can be delivered as `latest`; omit `delivery`"));
    }
    return examine(args, kind, source, { ends, load, problems });
}

/** What the registry knows of a connection. */
interface Registered {
    readonly ends: ConnectionEnds;
    readonly load: Load;
    readonly problems: Problem[];
}

async function examine(args: ConnectionArgs, kind: ConnectionPlan["kind"], source: Endpoint | undefined, { ends, load, problems }: Registered): Promise<ConnectionPlan> {
    const { to } = args;
    const [fromPlan, toPlan] = await Promise.all([source?.module.plan, to.module.plan]);
    problems.push(...loadProblems(ends, load, { from: fromPlan?.tee?.room, to: toPlan.tee?.room }));
    const kindsFit = kindProblems(source, to).length === 0;
    if (kindsFit) {
        problems.push(...declarationProblems(toPlan, to.module.moduleName, to.kind, to.name, "to"));
        if (source !== undefined && fromPlan !== undefined) {
            problems.push(...declarationProblems(fromPlan, source.module.moduleName, source.kind, source.name, "from"), ...sizeProblems(source, fromPlan, to, toPlan));
        }
    }
    const { suite, problems: suiteProblems } = chooseSuite(args.suite, fromPlan, toPlan, kind);
    return {
        problems: [...problems, ...suiteProblems],
        kind,
        suite,
        window: kind === "event" ? DEFAULT_WINDOW : 1,
        ...endpointField("toEndpoint", toPlan, to),
        ...(source === undefined || fromPlan === undefined ? {} : endpointField("fromEndpoint", fromPlan, source)),
    };
}

function endpointField(field: "fromEndpoint" | "toEndpoint", plan: ModulePlan, end: Endpoint): Partial<ConnectionPlan> {
    const endpoint = plan.declarations === undefined ? undefined : endpointOf(plan.declarations, end.kind, end.name);
    return endpoint === undefined ? {} : { [field]: endpoint };
}

/** What each kind of source can be connected to. */
const TARGETS: Partial<Record<EndpointKind | "deployer", readonly EndpointKind[]>> = { output: ["input"], request: ["handler"], deployer: ["input", "handler"] };

function kindProblems(source: Endpoint | undefined, to: Endpoint): Problem[] {
    const what = source === undefined ? "the deployer" : String(source);
    const fitting = TARGETS[source?.kind ?? "deployer"];
    if (fitting === undefined) {
        return [problem("from", `${what} cannot be the source of a connection; connect from an output to an input, or from a request to a handler`)];
    }
    if (fitting.includes(to.kind)) {
        return [];
    }
    return [problem("to", `${what} cannot be connected to ${String(to)}: ${source === undefined ? "the deployer" : article(source.kind)} goes to ${fitting.map(article).join(" or ")}; `
        + `use ${fitting.map((kind) => `\`${kind}("…")\``).join(" or ")} of the module`)];
}

function article(kind: string): string {
    return /^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`;
}

function deploymentProblems(from: ConnectionArgs["from"], to: Endpoint): Problem[] {
    const deployment = from instanceof Deployment ? from : from.module.node.deployment;
    return deployment === to.module.node.deployment ? [] : [problem("to", "the two ends belong to different deployments; modules can be connected within one deployment only")];
}

function assuranceProblems(source: Endpoint | undefined, to: Endpoint, minimum: ConnectionArgs["minAssurance"]): Problem[] {
    if (minimum === undefined) {
        return [];
    }
    return [source, to].filter((end) => end !== undefined).flatMap((end) => {
        const { node, moduleName } = end.module;
        const best = node.tee === "native" ? "none" : node.backend ?? "hardware";
        return ASSURANCES.indexOf(best) >= ASSURANCES.indexOf(minimum) ? []
            : [problem("minAssurance", `asks for "${minimum}", but module "${moduleName}" on node "${node.nodeName}" has at most "${best}"; move the module, or lower \`minAssurance\``)];
    });
}

function sizeProblems(source: Endpoint, fromPlan: ModulePlan, to: Endpoint, toPlan: ModulePlan): Problem[] {
    const sender = declarationOf(fromPlan, source);
    const receiver = declarationOf(toPlan, to);
    if (sender === undefined || receiver === undefined) {
        return [];
    }
    const { maximum: sent = 0, replyMaximum: expected = 0 } = sender;
    const { maximum: accepted = 0, replyMaximum: replied = 0 } = receiver;
    const found: Problem[] = [];
    if (sent > accepted) {
        found.push(problem("to", `${String(source)} may send ${sent} bytes, but ${String(to)} accepts ${accepted}; raise the maximum in the source of "${to.module.moduleName}"`));
    }
    if (replied > expected) {
        found.push(problem("from", `${String(to)} may reply with ${replied} bytes, but ${String(source)} accepts ${expected}; raise the reply maximum in the source of "${source.module.moduleName}"`));
    }
    return found;
}

function declarationOf(plan: ModulePlan, end: Endpoint): Partial<Declaration> | undefined {
    return plan.declarations?.find(({ kind, name }) => kind === end.kind && name === end.name);
}

function chooseSuite(wanted: string | undefined, from: ModulePlan | undefined, to: ModulePlan, kind: ConnectionPlan["kind"]): { suite: string; problems: Problem[] } {
    if (kind === "deployer") {
        return { suite: "none", problems: wanted === undefined ? [] : [problem("suite", "a connection from the deployer has no key of its own; omit `suite`")] };
    }
    const common = (from?.tee?.suites ?? []).filter((suite) => to.tee?.suites.includes(suite)).map((suite) => SUITES[suite] as string);
    if (from?.tee === undefined || to.tee === undefined) {
        return { suite: wanted ?? SUITES[1], problems: [] };
    }
    if (wanted !== undefined && !common.includes(wanted)) {
        return { suite: wanted, problems: [problem("suite", `the two ends do not both have "${wanted}"; they share ${list(common)}`)] };
    }
    const suite = wanted ?? common[0];
    return suite === undefined
        ? { suite: SUITES[1], problems: [problem("suite", `the two nodes share no cipher suite: ${from.tee.name} and ${to.tee.name} cannot be connected`)] }
        : { suite, problems: [] };
}
