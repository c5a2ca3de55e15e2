// The example with all modules on servers, for tests that need nothing but those: its sensor has no device, the deployer sends it
// readings. Takes the place of the example's index.ts, beside the example's other modules.
import * as pulumi from "@pulumi/pulumi";
import * as ae from "pulumi-authentic";

const config = new pulumi.Config();
const rotate = config.require("rotate");

const deployment = new ae.Deployment("irrigation", {}, { protect: false });

// The same modules run everywhere: `pulumi config set tee native` is for machines that cannot emulate SGX.
const place = config.require("tee") === "native" ? { tee: "native" } : ({ tee: "sgx", backend: "emulated" } as const);
const server = new ae.Node("server", { deployment, ...place });
const field = new ae.Node("field", { deployment, ...place });

const sensor = new ae.Module("sensor", { node: field, source: "modules/sensor.c" });
const valve = new ae.Module("valve", { node: field, source: "modules/valve.c" });
const controller = new ae.Module("controller", {
    node: server,
    source: "modules/controller.c",
    config: { openBelow: config.requireNumber("openBelow"), closeAbove: config.requireNumber("closeAbove") },
});
const dashboard = new ae.Module("dashboard", { node: server, source: "modules/dashboard.rs" });

new ae.Connection("reading", { from: deployment, to: sensor.input("reading") });
new ae.Connection("query", { from: deployment, to: dashboard.handler("query") });

new ae.Connection("sample", { from: controller.output("sample"), to: sensor.input("sample"), rotate });
new ae.Connection("moisture", { from: sensor.output("moisture"), to: controller.input("moisture"), rotate });
new ae.Connection("set", { from: controller.output("valve"), to: valve.input("set"), rotate });
new ae.Connection("report", { from: controller.output("report"), to: dashboard.input("report"), rotate });
new ae.Connection("moved", { from: valve.output("moved"), to: dashboard.input("moved"), rotate });

new ae.Trigger("poll", { module: controller, entry: "poll", every: "1s" });

/** What evidence of each module shows: publish it, and anyone can check what runs. */
export const measurements = pulumi
    .all([sensor, valve, controller, dashboard].map((module) => pulumi.all([module.moduleName, module.measurement])))
    .apply((pairs) => Object.fromEntries(pairs));
/** Folders of the nodes' agents, with their control sockets and logs. */
export const folders = { server: server.folder, field: field.folder };
