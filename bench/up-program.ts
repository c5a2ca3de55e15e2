// The two programs whose deployment is compared, as plain JavaScript.

/** N modules on two native nodes and 2N connections in a ring. */
export const MODULES = `
const ae = require("pulumi-authentic");
const count = new (require("@pulumi/pulumi").Config)().requireNumber("count");
const deployment = new ae.Deployment("bench", {}, { protect: false });
const nodes = ["one", "two"].map((name) => new ae.Node(name, { deployment, tee: "native" }));
const modules = Array.from({ length: count }, (_, number) => new ae.Module("m" + number, { node: nodes[number % 2], source: "relay.c", config: { number } }));
for (const [number, from] of modules.entries()) {
    const to = modules[(number + 1) % count];
    new ae.Connection("left" + number, { from: from.output("left"), to: to.input("event") });
    new ae.Connection("right" + number, { from: from.output("right"), to: to.input("event") });
}
`;

/** As many resources that do nothing, with the same dependencies. */
export const EMPTY = `
const pulumi = require("@pulumi/pulumi");
const count = new pulumi.Config().requireNumber("count");
const provider = { create: async (inputs) => ({ id: inputs.name, outs: inputs }), update: async (id, olds, news) => ({ outs: news }), diff: async () => ({ changes: false }) };
class Empty extends pulumi.dynamic.Resource {
    constructor(name, after) { super(provider, name, { name, after, made: undefined }); }
}
const first = new Empty("deployment", []);
const nodes = ["one", "two"].map((name) => new Empty(name, [first.urn]));
const modules = Array.from({ length: count }, (_, number) => new Empty("m" + number, [nodes[number % 2].urn]));
for (const [number, from] of modules.entries()) {
    const to = modules[(number + 1) % count];
    new Empty("left" + number, [from.urn, to.urn]);
    new Empty("right" + number, [from.urn, to.urn]);
}
`;
