// A water meter whose program changes while water flows. Change `version` or `place` and run `pulumi up`: the next meter takes
// over what the last one had counted, and no reading is lost or counted twice.
import * as pulumi from "@pulumi/pulumi";
import * as ae from "pulumi-authentic";

/** The choice that a setting makes. */
function chosen<T>(setting: string, choices: Readonly<Record<string, T>>): T {
    const value = new pulumi.Config().require(setting);
    const choice = choices[value];
    if (choice === undefined) {
        throw new pulumi.RunError(`the setting "${setting}" is "${value}". Choose one of ${Object.keys(choices).join(", ")}: npm run pulumi -- config set ${setting} ${Object.keys(choices)[0] ?? ""} -C examples/state-transfer`);
    }
    return choice;
}

const deployment = new ae.Deployment("state-transfer", {}, { protect: false });
const cellar = new ae.Node("cellar", { deployment, tee: "sgx", backend: "emulated" });
const attic = new ae.Node("attic", { deployment, tee: "sgx", backend: "emulated" });

const pipe = new ae.Module("pipe", { node: cellar, source: "modules/pipe.c" });
const meter = new ae.Module("meter", {
    node: chosen("place", { cellar, attic }),
    source: chosen("version", { 1: "modules/meter-1.c", 2: "modules/meter-2.c", 3: "modules/meter-3.rs" }),
    onStateLoss: "fail",
});

const flow = new ae.Connection("flow", { from: pipe.output("flow"), to: meter.input("flow") });
new ae.Connection("read", { from: deployment, to: meter.handler("read") });
new ae.Connection("pumped", { from: deployment, to: pipe.handler("pumped") });
new ae.Trigger("pump", { module: pipe, entry: "pump", every: "100ms" }, { dependsOn: [flow] });
