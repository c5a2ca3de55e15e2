// The hooks of a resource, and what holds for all of them: plain outputs, errors without stacks, resumable failures.

import type { dynamic } from "@pulumi/pulumi";
import { AuthenticError } from "../errors";
import { givenUp, introduceHosts } from "../ssh/hosts";
import { plain } from "./plain";

export type Properties = Record<string, unknown>;

/** The lifecycle of one kind of resource; `I` are its inputs, `O` its outputs, which contain the inputs. */
export interface Hooks<I, O extends I> {
    /** Called in every preview and update, with olds from state; validates and completes the inputs. Quick. */
    check(olds: Partial<I>, news: Properties): Promise<dynamic.CheckResult<Properties>>;
    /** Compares state with wanted inputs. Pure, quick, and correct with unknown values. */
    diff(id: string, olds: O, news: I): Promise<dynamic.DiffResult>;
    create(inputs: I): Promise<{ id: string; outs: O }>;
    /** Observes. Throws where it cannot; absence is reported only on proof. */
    read(id: string, properties: O): Promise<dynamic.ReadResult<O>>;
    update(id: string, olds: O, news: I): Promise<{ outs: O }>;
    /** Idempotent. */
    delete(id: string, properties: O): Promise<void>;
}

/** Hooks as the shim calls them. */
export type ErasedHooks = Hooks<Properties, Properties>;

/**
 * A failure after something was made: Pulumi records the resource with these properties and the next `up` calls
 * `update`. The message comes first in `reasons`, for only those are printed.
 */
export class Unfinished extends Error {
    readonly reasons: readonly string[];

    /**
     * @param id - id of the resource
     * @param properties - its outputs so far, with all inputs
     */
    constructor(cause: unknown, readonly id: string, readonly properties: Properties) {
        const message = cause instanceof Error ? cause.message : String(cause);
        super(message, { cause });
        this.name = "Unfinished";
        this.reasons = [message];
        this.stack = "";
    }
}

/** Applies to every hook what all have in common. */
export function guarded<I, O extends I>(hooks: Hooks<I, O>): ErasedHooks {
    const own = hooks as unknown as ErasedHooks;
    return {
        check: (olds, news) => shown(async () => {
            introduceHosts(news, true);
            const { inputs, failures } = await own.check(olds, news);
            return { inputs: plain(inputs), failures };
        }),
        diff: (id, olds, news) => shown(() => {
            introduceHosts(news, true);
            introduceHosts(olds, false);
            return own.diff(id, olds, news);
        }),
        create: (inputs) => shown(async () => {
            introduceHosts(inputs, true);
            const { id, outs } = await own.create(inputs);
            return { id, outs: kept(outs, inputs) };
        }),
        read: (id, properties) => shown(async () => {
            introduceHosts(properties, false);
            const found = await own.read(id, properties);
            return {
                ...found,
                ...(found.props === undefined ? {} : { props: kept(found.props, properties) }),
                ...(found.inputs === undefined ? {} : { inputs: kept(found.inputs, properties) }),
            };
        }),
        update: (id, olds, news) => shown(async () => {
            introduceHosts(news, true);
            introduceHosts(olds, false);
            return { outs: kept((await own.update(id, olds, news)).outs, news) };
        }),
        delete: (id, properties) => shown(async () => {
            introduceHosts(properties, false);
            try {
                await own.delete(id, properties);
            } catch (error) {
                if (!givenUp(error, properties)) throw error;
                console.warn(`${(error as Error).message} What it ran counts as deleted, because \`deleteUnreachable\` is set: if the host comes back, so does that; end it there.`);
            }
        }),
    };
}

/** Plain outputs that keep the shim: without it a resource can never be refreshed or deleted again. */
function kept(outs: Properties, source: Properties): Properties {
    return plain({ ...outs, __provider: source["__provider"] });
}

/** Errors for people come without a stack; those of defects keep theirs. */
async function shown<T>(hook: () => Promise<T>): Promise<T> {
    try {
        return await hook();
    } catch (error) {
        if (error instanceof AuthenticError) {
            error.stack = "";
        }
        if (error instanceof Unfinished) {
            // Pulumi reads these members of the error.
            throw Object.assign(error, { properties: plain(error.properties) });
        }
        throw error;
    }
}
