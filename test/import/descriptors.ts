// Deployment descriptors as users of reactive-tools have them, one for each kind of node, and one with all kinds.

/** A value as JSON. */
type Json = Readonly<Record<string, unknown>>;

/** Keys that are never repeated anywhere. */
export const KEYS = { board: "8a1f2f0cb5a94d3e96e13c7d2b48f651", trustzone: "5f".repeat(32), connection: "c3".repeat(16), manager: "d4".repeat(16) } as const;

const SGX_NODE: Json = { type: "sgx", name: "node_sgx", ip_address: "10.0.0.1", reactive_port: 5000, deploy_port: 5001, aesm_host: "aesm-client", aesm_port: 13741, module_id: 1 };
const NATIVE_NODE: Json = { type: "native", name: "node native", host: "node-native", reactive_port: 5000 };
const SANCUS_NODE: Json = { type: "sancus", name: "node_sancus", host: "node-sancus", vendor_id: 4660, vendor_key: KEYS.board, reactive_port: 6000 };
const TRUSTZONE_NODE: Json = { type: "trustzone", name: "node_tz", host: "node-tz", reactive_port: 1236, vendor_id: 33, node_key: KEYS.trustzone };

const enclave = (name: string): Json => ({ type: "sgx", name, node: "node_sgx", vendor_key: "cred/vendor key.pem", ra_settings: "cred/settings.json", features: ["measure_time"] });

/** A descriptor of each kind. */
export const ONE_KIND: Readonly<Record<string, Json>> = {
    sgx: {
        manager: "manager.yaml", nodes: [SGX_NODE], modules: [enclave("source"), { ...enclave("sink"), vendor_key: "cred/other.pem" }],
        connections: [
            { from_module: "source", from_output: "send", to_module: "sink", to_input: "receive", encryption: "aes" },
            { name: "ask", from_module: "source", from_request: "total", to_module: "sink", to_handler: "total", encryption: "spongent" },
            { name: "start", direct: true, to_module: "source", to_input: 3, encryption: "aes", key: KEYS.connection, nonce: 7, id: 2, established: true },
        ],
        "periodic-events": [{ module: "source", entry: "tick", frequency: 1000 }],
    },
    native: {
        nodes: [NATIVE_NODE],
        modules: [{ type: "native", name: "ping", node: "node native", folder: "ping_crate", priority: 1 }, { type: "native", name: "pong", node: "node native" }],
        connections: [
            { from_module: "ping", from_output: "out", to_module: "pong", to_input: "in", encryption: "aes" }, { from_module: "pong", from_output: "out", to_module: "ping", to_input: "in", encryption: "aes" },
        ],
        "periodic-events": [{ name: "go", module: "ping", entry: "loop", frequency: 1 }],
    },
    sancus: {
        nodes: [SANCUS_NODE],
        modules: [
            { type: "sancus", name: "button_driver", files: ["button_driver.c", "debounce.c"], node: "node_sancus", cflags: ["-DDEBOUNCE=3", "-Iinclude", "-g"], ldflags: ["--inline-arithmetic"] },
            { type: "sancus", name: "led_driver", node: "node_sancus", deployed: true, files: [], binary: "", id: 1, symtab: "", key: KEYS.connection, nonce: 0 },
        ],
        connections: [
            { from_module: "button_driver", from_output: "pressed", to_module: "led_driver", to_input: 1, encryption: "spongent" },
            { name: "init-led", direct: true, to_module: "led_driver", to_input: 0, encryption: "spongent" },
        ],
        "periodic-events": [{ module: "button_driver", entry: "poll", frequency: 250 }],
    },
    trustzone: {
        nodes: [TRUSTZONE_NODE],
        modules: [{ type: "trustzone", name: "gateway", node: "node_tz", files_dir: ".", id: 2, uuid: 23669054548847, inputs: { forward: 1 } }, { type: "trustzone", name: "lamp", node: "node_tz" }],
        connections: [{ from_module: "gateway", from_output: "toggle", to_module: "lamp", to_input: "toggle", encryption: "aes" }, { name: "press", direct: true, to_module: "gateway", to_handler: "press", encryption: "aes" }],
    },
};

/** A button on a Sancus board toggles a lamp on a TrustZone board; an enclave counts, and a native module asks it. */
export const ALL_KINDS: Json = {
    manager: { host: "10.0.0.9", port: 1234, key: KEYS.manager },
    nodes: [SGX_NODE, NATIVE_NODE, SANCUS_NODE, TRUSTZONE_NODE],
    modules: [
        enclave("ledger"), { type: "native", name: "desk", node: "node native" },
        { type: "sancus", name: "button", files: ["button.c"], node: "node_sancus" }, { type: "trustzone", name: "lamp", node: "node_tz" },
    ],
    connections: [
        { from_module: "button", from_output: "pressed", to_module: "lamp", to_input: "toggle", encryption: "spongent" },
        { from_module: "lamp", from_output: "toggled", to_module: "ledger", to_input: "pressed", encryption: "aes" },
        { from_module: "desk", from_request: "ask", to_module: "ledger", to_handler: "count", encryption: "aes" },
        { name: "query", direct: true, to_module: "desk", to_handler: "query", encryption: "aes" },
    ],
    connections_current_id: 4,
    "periodic-events": [{ module: "button", entry: "press", frequency: 200 }],
};
