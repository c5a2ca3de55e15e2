// What a module has room for is known before anything is deployed.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { ROOM } from "../../provider/tee/trustzone/target";
import { type ConnectionEnds, loadProblems, Registry } from "../../resources/registry";
import { packageRoot } from "../../tools/setup/toolchain";

describe("limits of modules", () => {
    const limits = fs.readFileSync(path.join(packageRoot(), "runtime/kit/include/authentic_limits.h"), "utf8");
    const limit = (name: string) => Number(new RegExp(`#define ${name} (\\d+)`).exec(limits)![1]);
    let number = 0;
    type Rooms = Parameters<typeof loadProblems>[2];
    const add = (registry: Registry, name: string, ends: ConnectionEnds, rooms: Rooms = {}) => {
        const problems = registry.addConnection(name, ends, ++number);
        return [...problems, ...loadProblems(ends, registry.load(ends), rooms)];
    };
    const event = (registry: Registry, from: string, to: string, n: number, rooms?: Rooms) =>
        add(registry, `c${n}`, { from: { module: from, name: `o${n}`, kind: "output" }, to: { module: to, name: `i${n}`, kind: "input" } }, rooms);

    it("refuse one connection more than the kit has room for, at either end", () => {
        const most = limit("AUTHENTIC_CONNECTIONS");
        for (const [from, to, property] of [["hub", "other", "from"], ["other", "hub", "to"]] as const) {
            const registry = new Registry();
            for (let n = 0; n < most; n++) assert.deepEqual(event(registry, n % 2 === 0 ? "hub" : `m${n}`, n % 2 === 0 ? `m${n}` : "hub", n), []);
            const [found, ...others] = event(registry, from, to, most);
            assert.equal(found?.property, property);
            assert.match(found.reason, new RegExp(`"hub" would have more than ${most} connections`));
            assert.deepEqual(others, []);
        }
    });

    it("refuse one client more than a handler keeps replies for, the deployer not counted", () => {
        const most = limit("AUTHENTIC_CLIENTS");
        const registry = new Registry();
        const to = { module: "server", name: "query", kind: "handler" };
        const ask = (module: string) => add(registry, module, { from: { module, name: "ask", kind: "request" }, to });
        assert.deepEqual(add(registry, "own", { from: { name: "deployer", kind: "deployer" }, to }), []);
        for (let n = 0; n < most; n++) assert.deepEqual(ask(`m${n}`), []);
        assert.match(ask("last")[0]!.reason, new RegExp(`more than ${most} requests`));
    });

    it("are those of each end's own TEE: a board's module has room for fewer than a server's", () => {
        const registry = new Registry();
        for (let n = 0; n < ROOM.connections; n++) assert.deepEqual(event(registry, "server", "board", n, { to: ROOM }), []);
        assert.deepEqual(event(registry, "server", "board", ROOM.connections, { to: ROOM }).map(({ property }) => property), ["to"]);
    });
});
