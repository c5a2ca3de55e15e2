// A store of stock behind request and handler: tills take from it, a warehouse adds to it, an auditor only reads. Each client
// is a module; what it may ask is what it is connected to.
import * as pulumi from "@pulumi/pulumi";
import * as ae from "pulumi-authentic";

const deployment = new ae.Deployment("database", {}, { protect: false });
const server = new ae.Node("server", { deployment, tee: "sgx", backend: "emulated" });
const office = new ae.Node("office", { deployment, tee: "sgx", backend: "emulated" });
const shop = new ae.Node("shop", { deployment, tee: "trustzone", backend: "emulated" });

const store = new ae.Module("store", { node: server, source: "modules/store.rs", config: { capacity: new pulumi.Config().requireNumber("capacity") } });
const till1 = new ae.Module("till-1", { node: shop, source: "modules/till.c" });
const till2 = new ae.Module("till-2", { node: shop, source: "modules/till.c" });
const warehouse = new ae.Module("warehouse", { node: office, source: "modules/warehouse.c" });
const auditor = new ae.Module("auditor", { node: office, source: "modules/auditor.rs" });

for (const client of [till1, till2, warehouse]) {
    new ae.Connection(`${client.moduleName}-add`, { from: client.request("add"), to: store.handler("add") });
}
new ae.Connection("auditor-count", { from: auditor.request("count"), to: store.handler("count") });

// What the deployer may ask the clients to do.
new ae.Connection("sell-1", { from: deployment, to: till1.handler("sell") });
new ae.Connection("sell-2", { from: deployment, to: till2.handler("sell") });
new ae.Connection("deliver", { from: deployment, to: warehouse.handler("deliver") });
new ae.Connection("audit", { from: deployment, to: auditor.handler("audit") });
