// A button on one board switches a lamp on another, through an enclave that decides: nobody else can move the lamp.
import * as ae from "pulumi-authentic";

const deployment = new ae.Deployment("button-led", {}, { protect: false });

const desk = new ae.Node("desk", { deployment, tee: "sancus", backend: "emulated", vendorId: 0x1234 });
const ceiling = new ae.Node("ceiling", { deployment, tee: "sancus", backend: "emulated", vendorId: 0x1234 });
const server = new ae.Node("server", { deployment, tee: "sgx", backend: "emulated" });

const button = new ae.Module("button", { node: desk, source: "modules/button.c", devices: { button: "P1" } });
const toggle = new ae.Module("toggle", { node: server, source: "modules/toggle.c" });
const lamp = new ae.Module("lamp", { node: ceiling, source: "modules/lamp.c", devices: { led: "P3" } });

new ae.Connection("pressed", { from: button.output("pressed"), to: toggle.input("pressed") });
const light = new ae.Connection("light", { from: toggle.output("light"), to: lamp.input("light") });

// A changed pin calls the same entry at once; the trigger has it read for the first time.
new ae.Trigger("look", { module: button, entry: "button_changed", every: "1s" }, { dependsOn: [light] });
