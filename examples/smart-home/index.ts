// A home on the web: a gateway module in an enclave reads HTTP requests and answers them, a thermostat and two switches on
// boards do what it says. The program that has the network socket (web.mjs) only carries bytes.
import * as pulumi from "@pulumi/pulumi";
import * as ae from "pulumi-authentic";

const config = new pulumi.Config();
const deployment = new ae.Deployment("smart-home", {}, { protect: false });
const server = new ae.Node("server", { deployment, tee: "sgx", backend: "emulated" });
const boiler = new ae.Node("boiler", { deployment, tee: "sancus", backend: "emulated", vendorId: 0x1234 });
const hall = new ae.Node("hall", { deployment, tee: "sancus", backend: "emulated", vendorId: 0x1234 });

const gateway = new ae.Module("gateway", {
    node: server,
    source: "modules/gateway.rs",
    config: { coldest: config.requireNumber("coldest"), warmest: config.requireNumber("warmest") },
});
const thermostat = new ae.Module("thermostat", { node: boiler, source: "modules/thermostat.c", devices: { thermometer: "P1", heater: "P3" } });
const lamp = new ae.Module("lamp", { node: hall, source: "modules/switch.c", devices: { relay: "P3" } });
const fan = new ae.Module("fan", { node: hall, source: "modules/switch.c", devices: { relay: "P4" } });

const streams = [
    new ae.Connection("target", { from: gateway.output("target"), to: thermostat.input("target") }),
    new ae.Connection("climate", { from: thermostat.output("climate"), to: gateway.input("climate") }),
    new ae.Connection("lamp", { from: gateway.output("lamp"), to: lamp.input("turn") }),
    new ae.Connection("lamp-turned", { from: lamp.output("turned"), to: gateway.input("lamp_turned") }),
    new ae.Connection("fan", { from: gateway.output("fan"), to: fan.input("turn") }),
    new ae.Connection("fan-turned", { from: fan.output("turned"), to: gateway.input("fan_turned") }),
];

new ae.Connection("http", { from: deployment, to: gateway.handler("http") });
new ae.Trigger("measure", { module: thermostat, entry: "measure", every: "1s" }, { dependsOn: streams });
