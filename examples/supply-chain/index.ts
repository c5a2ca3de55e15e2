// A cooled container on its way: a board in it measures temperature and lid, a ledger in an enclave keeps what happened, and
// the gate of the dock opens for a shipment only if every reading from departure to arrival allows it.
import * as pulumi from "@pulumi/pulumi";
import * as ae from "pulumi-authentic";

const deployment = new ae.Deployment("supply-chain", {}, { protect: false });
const container = new ae.Node("container", { deployment, tee: "sancus", backend: "emulated", vendorId: 0x1234 });
const dock = new ae.Node("dock", { deployment, tee: "sancus", backend: "emulated", vendorId: 0x1234 });
const office = new ae.Node("office", { deployment, tee: "sgx", backend: "emulated" });

const tracker = new ae.Module("tracker", { node: container, source: "modules/tracker.c", devices: { thermometer: "P1", lid: "P2" } });
const gate = new ae.Module("gate", { node: dock, source: "modules/gate.c", devices: { bolt: "P3" } });
const ledger = new ae.Module("ledger", { node: office, source: "modules/ledger.rs", config: { warmest: new pulumi.Config().requireNumber("warmest") } });

const streams = [
    new ae.Connection("ask", { from: ledger.output("ask"), to: tracker.input("ask") }),
    new ae.Connection("reading", { from: tracker.output("reading"), to: ledger.input("reading") }),
    new ae.Connection("open", { from: ledger.output("open"), to: gate.input("open") }),
];

new ae.Connection("depart", { from: deployment, to: ledger.handler("depart") });
new ae.Connection("arrive", { from: deployment, to: ledger.handler("arrive") });
new ae.Connection("audit", { from: deployment, to: ledger.handler("audit") });

new ae.Trigger("measure", { module: tracker, entry: "measure", every: "1s" }, { dependsOn: streams });
