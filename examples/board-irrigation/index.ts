// Irrigation with a board in the field: the soil probe and the tap are protected modules of an (emulated) Sancus board, each
// with a protected driver of its port; controller and dashboard are enclaves on a server. The tap's port moves only if an authentic
// reading of the sensor's port, processed by these very modules, explains it.
import * as pulumi from "@pulumi/pulumi";
import * as ae from "pulumi-authentic";

const deployment = new ae.Deployment("irrigation", {}, { protect: false });

const server = new ae.Node("server", { deployment, tee: "sgx", backend: "emulated" });
const field = new ae.Node("field", { deployment, tee: "sancus", backend: "emulated", vendorId: 0x1234 });

const probe = new ae.Module("probe", { node: field, source: "modules/probe.c", devices: { soil: "P1" } });
const tap = new ae.Module("tap", { node: field, source: "modules/tap.c", devices: { tap: "P3" } });
const controller = new ae.Module("controller", {
    node: server,
    source: "../smart-irrigation/modules/controller.c",
    config: { openBelow: 45, closeAbove: 55 },
});
const dashboard = new ae.Module("dashboard", { node: server, source: "../smart-irrigation/modules/dashboard.c" });

new ae.Connection("query", { from: deployment, to: dashboard.handler("query") });
new ae.Connection("sample", { from: controller.output("sample"), to: probe.input("sample") });
new ae.Connection("moisture", { from: probe.output("moisture"), to: controller.input("moisture") });
new ae.Connection("set", { from: controller.output("valve"), to: tap.input("set") });
new ae.Connection("report", { from: controller.output("report"), to: dashboard.input("report") });
new ae.Connection("moved", { from: tap.output("moved"), to: dashboard.input("moved") });

new ae.Trigger("poll", { module: controller, entry: "poll", every: "1s" });

/** Folders of the nodes' agents, with their control sockets and logs. */
export const folders = { server: server.folder, field: field.folder };
/** What vouches for the modules in the field. */
export const assurance = pulumi.all([probe.assurance, tap.assurance]);
