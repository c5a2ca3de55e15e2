// Ping-pong between every pair of TEEs: `ping` on one node, `pong` on another, from the same two sources everywhere. A scorer
// in an enclave hears from each `ping` how often the ball came back.
import * as pulumi from "@pulumi/pulumi";
import * as ae from "pulumi-authentic";

const config = new pulumi.Config();
const tees = config.require("tees").split(",");
const returns = config.requireNumber("returns");
const deployment = new ae.Deployment("ping-pong", {}, { protect: false });

function node(name: string, tee: string): ae.Node {
    switch (tee) {
        case "native": return new ae.Node(name, { deployment, tee });
        case "sancus": return new ae.Node(name, { deployment, tee, backend: "emulated", vendorId: 0x1234 });
        case "sgx":
        case "trustzone": return new ae.Node(name, { deployment, tee, backend: "emulated" });
        default: throw new pulumi.RunError(`the setting "tees" names "${tee}", which is no kind of node. Name some of sgx, trustzone, sancus and native, separated by commas: npm run pulumi -- config set tees sgx,sancus -C examples/ping-pong`);
    }
}

const sides = tees.map((tee) => ({ tee, left: node(`left-${tee}`, tee), right: node(`right-${tee}`, tee) }));
const scorer = new ae.Module("scorer", { node: new ae.Node("office", { deployment, tee: "sgx", backend: "emulated" }), source: "modules/scorer.rs" });
new ae.Connection("scores", { from: deployment, to: scorer.handler("scores") });

sides.forEach((first, index) => {
    for (const second of sides.slice(index)) {
        const game = `${first.tee}-${second.tee}`;
        const ping = new ae.Module(`ping-${game}`, { node: first.left, source: "modules/ping.c", config: { returns } });
        const pong = new ae.Module(`pong-${game}`, { node: second.right, source: "modules/pong.c" });
        const net = [
            new ae.Connection(`there-${game}`, { from: ping.output("there"), to: pong.input("there") }),
            new ae.Connection(`back-${game}`, { from: pong.output("back"), to: ping.input("back") }),
            new ae.Connection(`score-${game}`, { from: ping.output("score"), to: scorer.input("score") }),
        ];
        new ae.Trigger(`serve-${game}`, { module: ping, entry: "serve", every: "1s" }, { dependsOn: net });
    }
});
