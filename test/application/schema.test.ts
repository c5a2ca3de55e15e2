// The published JSON schema is the one that the reader uses, and an independent validator takes and refuses the same documents.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { Ajv } from "ajv";
import { descriptorSchema, jsonSchema } from "../../provider/application/schema";
import { packageRoot } from "../../tools/setup/toolchain";

/** A document in which every property of the schema stands. */
const FULL = {
    $schema: "node_modules/pulumi-authentic/schema/application.json",
    deployment: { vendorKey: { secret: "vendorKey" }, protect: false },
    nodes: {
        server: { tee: "sgx", backend: "hardware", listenAddress: "::1", port: { config: "net:port" }, collateralUrl: "https://pccs.example", platformId: { config: "machine" } },
        remote: {
            tee: "native",
            ssh: {
                host: "192.0.2.1", port: 2222, user: { config: "user" }, privateKey: { secret: "key" }, passphrase: { secret: "passphrase" }, hostKey: "SHA256:x", keepAlive: "5s",
                timeouts: { connect: "1s", dial: "2s", command: 3000 }, jump: { host: "jump.example", user: "j", agent: true, knownHosts: { config: "hosts" } }, deleteUnreachable: true,
            },
        },
        field: {
            tee: "sancus", backend: "hardware", vendorId: 4660, security: 64, freshness: "nv", acceptResetReplay: true, nodeKey: { secret: "boards:field" },
            vendorKey: { secret: "vendor" }, device: "/dev/ttyUSB0", baud: 115200,
        },
    },
    modules: {
        "controller.v2": {
            node: "server", source: ["a.c", "b.c"], language: "c", includes: ["include"], defines: { FAST: "1" },
            config: { openBelow: 45, name: "soil", closeAbove: { config: "closeAbove", type: "integer" } }, devices: { tap: "P1" }, slot: 3, entryTimeLimit: "1.5s", onStateLoss: "fail",
        },
        sensor: { node: "field", source: "sensor.rs", entryTimeLimit: 250 },
    },
    connections: {
        moisture: { from: "sensor.output.moisture", to: "controller.v2.input.moisture", delivery: "latest", suite: "spongewrap-64", window: 8, rotate: 3, rotation: "compromise", minAssurance: "none" },
        query: { from: "deployer", to: "controller.v2.handler.query", rotate: { config: "rotate" } },
    },
    triggers: { poll: { module: "sensor", entry: "poll", every: 1000 } },
    environments: {
        dev: {},
        edge: {
            deployment: { vendorKey: null }, nodes: { server: { backend: null, port: 7000 }, field: null },
            modules: { sensor: { config: { openBelow: null }, source: ["x.c"] } }, connections: null, triggers: { poll: { every: "2s" } },
        },
    },
};

type Path = readonly (string | number)[];

/** Every place in a value, with what stands there. */
function* places(value: unknown, at: Path = []): Generator<[Path, unknown]> {
    yield [at, value];
    if (typeof value !== "object" || value === null) return;
    for (const [key, member] of Object.entries(value)) yield* places(member, [...at, Array.isArray(value) ? Number(key) : key]);
}

/** A copy with something else at a place; `undefined` removes it. */
function changed(value: unknown, [key, ...rest]: Path, to: unknown): unknown {
    if (key === undefined) return to;
    const copy = (Array.isArray(value) ? [...value as unknown[]] : { ...value as object }) as Record<string | number, unknown>;
    const member = changed(copy[key], rest, to);
    if (member === undefined) Reflect.deleteProperty(copy, key);
    else copy[key] = member;
    return copy;
}

describe("the JSON schema of descriptors", () => {
    const published = JSON.parse(fs.readFileSync(path.join(packageRoot(), "schema", "application.json"), "utf8")) as Record<string, unknown>;
    const judged = new Ajv({ strict: true, allowUnionTypes: true, unicodeRegExp: true }).compile(published);
    const agree = (document: unknown, what: string): boolean => {
        const taken = descriptorSchema.safeParse(document);
        assert.equal(judged(document), taken.success, `${what}\n${JSON.stringify(document)}\n${JSON.stringify(judged.errors)}\n${String(taken.error)}`);
        return taken.success;
    };

    it("is what `npm run schema` writes", () => {
        assert.deepEqual(published, jsonSchema());
    });

    it("takes a document with every property, and knows every property", () => {
        assert.ok(agree(FULL, "the full document"));
        const used = new Set([...places(FULL)].flatMap(([at]) => at.map(String)));
        const known = [...places(published)].flatMap(([at]) => at.at(-2) === "properties" ? [String(at.at(-1))] : []);
        assert.ok(known.length > 100);
        assert.deepEqual(known.filter((name) => !used.has(name)), []);
    });

    it("takes and refuses the same as the reader, whatever is put wherever", () => {
        const values: readonly unknown[] = [
            undefined, null, true, 0, 1, -1, 4, 64, 65, 1024, 1025, 65_535, 65_536, 1.5, 2 ** 53, "", "x", "native", "emulated", "deployer", "a.output.b", "a.input.b", "a.b.handler.c", "a.input.", "1s", "1.5h", "s",
            "a b", "-a", "x".repeat(63), "x".repeat(64), [], ["x"], [""], {}, { config: "a" }, { config: "a:b" }, { config: ":b" }, { secret: "a" }, { secret: "a", config: "b" }, { config: "a", type: "text" },
            { config: "a", type: "float" }, { x: 1 }, { x: null }, { "a b": {} }, { x: {} },
        ];
        const counts = { taken: 0, refused: 0 };
        for (const [at] of places(FULL)) {
            for (const value of values) counts[agree(changed(FULL, at, value), at.join(".")) ? "taken" : "refused"]++;
            for (const name of ["added", "-a", "_x", "tee", "node"]) {
                counts[agree(changed(FULL, [...at, name], "native"), `${at.join(".")}.${name}`) ? "taken" : "refused"]++;
            }
        }
        assert.ok(counts.taken > 300 && counts.refused > 2000, JSON.stringify(counts));
    });
});
