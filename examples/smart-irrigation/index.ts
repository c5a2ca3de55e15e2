// Smart irrigation: a controller asks a soil sensor for moisture, opens a valve when the soil is dry and closes it when
// it is wet; a pump runs while the valve is open, and a dashboard shows what happened. Three kinds of TEE do this together:
// controller and dashboard are enclaves on a server, sensor and valve are protected modules on a Sancus board, each with a
// protected driver of its port, and the pump's motor hangs at a TrustZone board, as a peripheral of its secure world. The
// motor starts only if authentic readings of the sensor's port, processed by these very modules, explain it.
import * as pulumi from "@pulumi/pulumi";
import * as ae from "pulumi-authentic";

const config = new pulumi.Config();
const rotate = config.require("rotate");

const deployment = new ae.Deployment("irrigation", {}, { protect: false });

// Nodes are on this machine, or on those that the stack names: the server on its own, the boards behind the gateway (README.md).
const machines = config.getSecretObject<Partial<Record<"server" | "gateway", ae.SshArgs>>>("machines");
const ports = config.getObject<Partial<Record<string, number>>>("ports") ?? {};
const at = (machine: "server" | "gateway", node: string) => ({
    ssh: machines?.apply(({ [machine]: ssh }) => {
        if (ssh === undefined) throw new pulumi.RunError(`the stack's configuration \`machines\` has no \`${machine}\`: set its host, user, hostKey and privateKey (examples/smart-irrigation/README.md)`);
        return ssh;
    }),
    port: ports[node],
});

// `pulumi config set tee native` is for machines that cannot emulate SGX.
const place = config.require("tee") === "native" ? { tee: "native" } : ({ tee: "sgx", backend: "emulated" } as const);
const server = new ae.Node("server", { deployment, ...place, ...at("server", "server") });
const station = new ae.Node("station", { deployment, tee: "trustzone", backend: "emulated", ...at("gateway", "station") });
const thresholds = { openBelow: config.requireNumber("openBelow"), closeAbove: config.requireNumber("closeAbove") };

/**
 * A zone: a board with sensor and valve, a motor at the station, and controller and dashboard on the server.
 *
 * @param name - is added to the names of its parts
 * @param motor - peripheral of the station's board
 */
function zone(name: string, motor: string) {
    const called = (part: string) => part + name;
    const field = new ae.Node(called("field"), { deployment, tee: "sancus", backend: "emulated", vendorId: 0x1234, ...at("gateway", called("field")) });

    const sensor = new ae.Module(called("sensor"), { node: field, source: "modules/sensor.c", devices: { soil: "P1" } });
    const valve = new ae.Module(called("valve"), { node: field, source: "modules/valve.c", devices: { tap: "P3" } });
    const pump = new ae.Module(called("pump"), { node: station, source: "modules/pump.c", devices: { motor } });
    const controller = new ae.Module(called("controller"), { node: server, source: "modules/controller.c", config: thresholds });
    const dashboard = new ae.Module(called("dashboard"), { node: server, source: "modules/dashboard.rs" });

    // What the deployer may ask.
    new ae.Connection(called("query"), { from: deployment, to: dashboard.handler("query") });

    const streams = [
        new ae.Connection(called("sample"), { from: controller.output("sample"), to: sensor.input("sample"), rotate }),
        new ae.Connection(called("moisture"), { from: sensor.output("moisture"), to: controller.input("moisture"), rotate }),
        new ae.Connection(called("set"), { from: controller.output("valve"), to: valve.input("set"), rotate }),
        new ae.Connection(called("report"), { from: controller.output("report"), to: dashboard.input("report"), rotate }),
        new ae.Connection(called("moved"), { from: valve.output("moved"), to: dashboard.input("moved"), rotate }),
        new ae.Connection(called("opened"), { from: valve.output("moved"), to: pump.input("valve"), rotate }),
        new ae.Connection(called("running"), { from: pump.output("running"), to: dashboard.input("running"), rotate }),
    ];
    // Not before everything is connected, so that the dashboard sees the first move too.
    new ae.Trigger(called("poll"), { module: controller, entry: "poll", every: "1s" }, { dependsOn: streams });
    return { field, valve, controller, modules: [sensor, valve, pump, controller, dashboard] };
}

const first = zone("", "led0");
const further = config.requireObject<string[]>("zones").map((name, index) => zone(`-${name}`, `led${String(index + 1)}`));
const modules = [first, ...further].flatMap((one) => one.modules);

/** What evidence of each module shows: publish it, and anyone can check what runs. */
export const measurements = pulumi
    .all(modules.map((module) => pulumi.all([module.moduleName, module.measurement])))
    .apply((pairs) => Object.fromEntries(pairs));
/** What vouches for each of them. */
export const assurance = pulumi
    .all(modules.map((module) => pulumi.all([module.moduleName, module.assurance])))
    .apply((pairs) => Object.fromEntries(pairs));
/** Folders of the nodes' agents, with their control sockets and logs. */
export const folders = { server: server.folder, station: station.folder, field: first.field.folder };
