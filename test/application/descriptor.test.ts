// Descriptors: everything that is wrong is said at once, with its place and what would be right.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { readDescriptor, type Selection } from "../../provider/application/descriptor";
import { MAX_BYTES } from "../../provider/application/document";
import { AuthenticError } from "../../provider/errors";

const RIGHT = `# yaml-language-server: $schema=../schema/application.json
nodes:
  server: { tee: sgx, backend: emulated }
  field:
    tee: sancus
    backend: emulated
    vendorId: 0x1234
modules:
  controller:
    node: server
    source: modules/controller.c
    config: { openBelow: 45, closeAbove: { config: closeAbove, type: integer } }
  sensor:
    node: field
    source: [modules/sensor.c, modules/soil.c]
    devices: { soil: P1 }
connections:
  moisture: { from: sensor.output.moisture, to: controller.input.moisture }
  query: { from: deployer, to: controller.handler.query }
triggers:
  poll: { module: controller, entry: poll, every: 1s }
environments:
  dev: {}
  edge:
    nodes:
      server: { backend: null, platformId: { config: "machines:server" } }
    connections:
      moisture: { window: 8 }
      query: null
`;

describe("descriptors", () => {
    let folder: string;
    before(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-descriptor-"));
    });
    after(() => fs.rmSync(folder, { recursive: true }));

    const read = (text: string, selection: Partial<Selection> = {}, name = "application.yaml") => {
        const file = path.join(folder, name);
        fs.writeFileSync(file, text);
        return readDescriptor(file, { stack: "dev", ...selection });
    };
    /** The lines of what is said about a descriptor that is wrong, without the folder. */
    const said = (text: string, selection: Partial<Selection> = {}, name?: string): string[] => {
        try {
            read(text, selection, name);
        } catch (error) {
            assert.ok(error instanceof AuthenticError, String(error));
            return error.message.replaceAll(`${folder}/`, "").replace(/\.$/, "").split("\n").map((one) => one.trim());
        }
        assert.fail("nothing was refused");
    };
    const changed = (from: string, to: string) => {
        assert.equal(RIGHT.split(from).length, 2, `"${from}" is not there once`);
        return RIGHT.replace(from, to);
    };
    /** What is said beyond the first line, of a descriptor with one change. */
    const linesAfter = (from: string, to: string, selection?: Partial<Selection>) => said(changed(from, to), selection).slice(1);

    it("become an application in the environment with the stack's name, in a chosen one, or in none", () => {
        const { application } = read(RIGHT);
        assert.deepEqual(application.nodes["server"], { tee: "sgx", backend: "emulated" });
        assert.equal(application.nodes["field"]?.vendorId, 0x1234);
        const edge = read(RIGHT, { environment: "edge" }).application;
        assert.deepEqual(edge.nodes["server"], { tee: "sgx", platformId: { config: "machines:server" } });
        assert.deepEqual(edge.connections, { moisture: { from: "sensor.output.moisture", to: "controller.input.moisture", window: 8 } });
        assert.deepEqual(read(RIGHT, { stack: "edge" }).application, edge);
        assert.deepEqual(read(RIGHT, { stack: "another", environment: null }).application, application);
    });

    it("say the same in JSON, with tabs, and as an object", () => {
        const object = { nodes: { n: { tee: "native" } }, modules: { m: { node: "n", source: "m.c" } } };
        const expected = readDescriptor(object, { stack: "dev" }).application;
        assert.deepEqual(read(JSON.stringify(object, null, "\t"), {}, "application.json").application, expected);
        assert.deepEqual(expected, object);
    });

    it("are refused for a stack that no environment is meant for", () => {
        assert.deepEqual(said(RIGHT, { stack: "edg" }).slice(1), [
            'application.yaml:22:1 environments: there is none for the stack "edg"; did you mean "edge"? The environments are dev and edge. '
            + "Add `edg: {}` for one that differs in nothing, or choose with the argument `environment`",
        ]);
        assert.match(said(RIGHT, { environment: "prod" })[1] ?? "", /there is no environment "prod"; the environments are dev and edge\. Add `prod: \{\}` to `environments` of the descriptor, or correct the argument `environment`$/);
        assert.match(said(RIGHT.replace(/^environments:[^]*/m, ""), { environment: "prod" })[1] ?? "", /there is no environment "prod"; the descriptor has none\. Add `prod: \{\}` to `environments` of the descriptor, or leave the argument `environment` out$/);
    });

    const CASES: readonly (readonly [what: string, from: string, to: string, ...said: string[]])[] = [
        ["a misspelt property", "source: modules/controller.c", "sorce: modules/controller.c",
            "application.yaml:9:3 modules.controller.source: is missing; add it",
            'application.yaml:11:5 modules.controller.sorce: there is no property "sorce" here; did you mean "source"? '
            + "The properties are config, defines, devices, entryTimeLimit, includes, language, node, onStateLoss, slot and source"],
        ["a kind of node that does not exist", "tee: sgx,", "tee: sgxx,",
            'application.yaml:3:18 nodes.server.tee: must be sgx, trustzone, sancus or native; did you mean "sgx"? The choices are native, sancus, sgx and trustzone'],
        ["a node that does not exist", "node: server", "node: servr", 'application.yaml:10:11 modules.controller.node: there is no node "servr"; did you mean "server"? The nodes are field and server'],
        ["a module that does not exist", "from: sensor.output.moisture", "from: senser.output.moisture",
            'application.yaml:18:21 connections.moisture.from: there is no module "senser"; did you mean "sensor"? The modules are controller and sensor'],
        ["an end of the wrong form", "to: controller.handler.query", "to: controller.query",
            "application.yaml:19:32 connections.query.to: must be MODULE.input.NAME or MODULE.handler.NAME"],
        ["an end that is none", "to: controller.handler.query", "to: 7", "application.yaml:19:32 connections.query.to: must be a text"],
        ["a trigger of a module that does not exist", "{ module: controller,", "{ module: controler,",
            'application.yaml:21:19 triggers.poll.module: there is no module "controler"; did you mean "controller"? The modules are controller and sensor'],
        ["a period that is too short", "every: 1s", "every: 1ms", "application.yaml:21:51 triggers.poll.every: must be 10ms to 1d"],
        ["a period that is none", "every: 1s", "every: soon", "application.yaml:21:51 triggers.poll.every: must be a duration such as 1s, 500ms, 2m, or a number of milliseconds"],
        ["a number that is too large", "window: 8", "window: 2000", "application.yaml:28:27 environments.edge.connections.moisture.window: must be at most 1024"],
        ["an integer that a double cannot hold", "openBelow: 45", "openBelow: 9007199254740993",
            "application.yaml:12:26 modules.controller.config.openBelow: must be a whole number of at most 53 bits"],
        ["a board without its vendor's id", "    vendorId: 0x1234\n", "",
            "application.yaml:4:3 nodes.field.vendorId: a Sancus node needs the id under which its modules are keyed, 1 to 65535, such as `vendorId: 0x1234`"],
        ["a key in clear", "    vendorId: 0x1234\n", "    vendorId: 0x1234\n    nodeKey: 00112233445566778899aabbccddeeff\n",
            "application.yaml:8:14 nodes.field.nodeKey: must refer to a secret of the stack's configuration, `{ secret: KEY }`; set it with `pulumi config set --secret KEY`"],
        ["a name that stands there twice", "  field:\n", "  server: { tee: native }\n  field:\n", 'application.yaml:4:3 nodes.server: "server" stands here for the second time; remove one of the two'],
        ["a name that is none", "  sensor:\n", "  -sensor:\n",
            "application.yaml:13:3 modules.-sensor: must have 1 to 63 letters, digits, `.`, `_` or `-`, the first a letter or digit; rename the resource"],
        ["`__proto__`", "config: { openBelow: 45,", "config: { __proto__: { x: 1 }, openBelow: 45,", "application.yaml:12:15 modules.controller.config: `__proto__` is no name"],
        ["an alias", "backend: emulated\n    vendorId", "backend: *other\n    vendorId", "application.yaml:6:14 nodes.field.backend: aliases (`*name`) are not followed; write the value out, or use `environments` for what differs"],
        ["a tag", "source: modules/controller.c", "source: !file modules/controller.c", "application.yaml:11:13: Unresolved tag: !file"],
        ["a second document", "triggers:\n", "---\ntriggers:\n", "application.yaml:20:1: a second document begins here; write one application in a file"],
        ["what an environment spoils", "server: { backend: null,", "server: { tee: null, backend: null,", "application.yaml:26:22 nodes.server.tee (in environment edge): is missing; add it"],
        ["a member that an environment may not name", "server: { backend: null,", "server: { backed: null,",
            'application.yaml:26:17 environments.edge.nodes.server.backed: there is no property "backed" here; did you mean "backend"? The properties are '
            + "acceptResetReplay, backend, baud, collateralUrl, device, freshness, listenAddress, nodeKey, platformId, port, security, ssh, tee, vendorId and vendorKey"],
    ];
    for (const [what, from, to, ...expected] of CASES) {
        it(`name the place and the remedy of ${what}`, () => {
            assert.deepEqual(linesAfter(from, to), expected);
        });
    }

    it("name all that is wrong, in one error", () => {
        const text = RIGHT.replace("tee: sgx,", "tee: sgxx,").replace("every: 1s", "every: soon").replace("window: 8", "windw: 8").replace("soil: P1", "soil: 1");
        const [first, ...others] = said(text);
        assert.equal(first, "AE-APP-DESCRIPTOR: application.yaml has 4 problems. Correct them, then run the command again:");
        assert.deepEqual(others.map((one) => one.split(":")[1]), ["3", "16", "21", "28"]);
    });

    it("name all references that lead nowhere, in every environment", () => {
        const text = RIGHT.replace("node: field", "node: nowhere").replace("module: controller,", "module: none,").replace("query: null", "query: { to: ghost.handler.query }");
        const found = said(text).slice(1);
        assert.deepEqual(found.map((one) => /^application\.yaml:(\d+):\d+ \S+( in environment \w+)?/.exec(one)?.[1]), ["14", "21", "29"], found.join("\n"));
    });

    it("are not read beyond a size, a depth, or a number of resources", () => {
        assert.match(said(`#${"x".repeat(MAX_BYTES)}`)[0] ?? "", /^AE-APP-SIZE: /);
        for (const bomb of [`a: ${"[".repeat(12_000)}`, `a: ${"{a: ".repeat(12_000)}`, "- ".repeat(12_000), "? ".repeat(12_000)]) {
            assert.match(said(bomb)[0] ?? "", /^AE-APP-DEPTH: the descriptor is nested more than 16 levels deep/);
        }
        const nodes = Array.from({ length: 257 }, (_, index) => `  n${index}: { tee: native }`).join("\n");
        assert.match(said(`nodes:\n${nodes}\nmodules: {}\n`)[1] ?? "", /^application\.yaml:1:1 nodes: has more than 256 entries/);
    });

    it("are named where they cannot be read", () => {
        assert.throws(() => readDescriptor("/nowhere/application.yaml", { stack: "dev" }), { code: "AE-APP-FILE" });
    });
});
