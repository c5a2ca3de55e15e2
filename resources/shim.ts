// The only code of this package that Pulumi serializes into state: constants that load the package when they are called.
// New code of the package therefore takes effect without touching state, and nothing it holds is ever captured.

import type { dynamic } from "@pulumi/pulumi";

/** The exports of `pulumi-authentic/lifecycle`, one for each resource. */
type Kind = "deployment" | "node" | "module" | "connection" | "trigger";

/** What the hooks exchange is checked by the lifecycle, which is where its shape is known. */
type Properties = Record<string, unknown>;

/** One constant for each resource: Pulumi serializes a provider object once and takes it from its cache afterwards. */
export const shims = {
    deployment: shim("deployment"),
    node: shim("node"),
    module: shim("module"),
    connection: shim("connection"),
    trigger: shim("trigger"),
} as const;

function shim(kind: Kind): dynamic.ResourceProvider<Properties, Properties> {
    return {
        async check(olds, news) {
            return (await import("pulumi-authentic/lifecycle"))[kind].check(olds, news);
        },
        async diff(id, olds, news) {
            return (await import("pulumi-authentic/lifecycle"))[kind].diff(id, olds, news);
        },
        async create(inputs) {
            return (await import("pulumi-authentic/lifecycle"))[kind].create(inputs);
        },
        async read(id, properties) {
            return (await import("pulumi-authentic/lifecycle"))[kind].read(id, properties ?? {});
        },
        async update(id, olds, news) {
            return (await import("pulumi-authentic/lifecycle"))[kind].update(id, olds, news);
        },
        async delete(id, properties) {
            return (await import("pulumi-authentic/lifecycle"))[kind].delete(id, properties);
        },
    };
}
