// The SSH connection is cut at random moments of every hook: what fails says why, the same command again completes it, and no
// event is lost. `AUTHENTIC_SEED` repeats a run, `AUTHENTIC_CHAOS_ROUNDS` makes more of them (`npm run test:chaos`).
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { AuthenticError } from "../../provider/errors";
import { SshConnection } from "../../provider/ssh/connection";
import { closeConnections } from "../../provider/ssh/hosts";
import * as ae from "../../resources";
import { Stack } from "../lifecycle/stack";
import { type Flow, Stream } from "../lifecycle/stream";
import { SshHost } from "./server";

const ROUNDS = Number(process.env["AUTHENTIC_CHAOS_ROUNDS"] ?? 1);
const FIRST_SEED = Number(process.env["AUTHENTIC_SEED"] ?? randomInt(1 << 30));
/** Steps over SSH of which one is cut off, on average. */
const STEPS_A_CUT = 8;
const ATTEMPTS = 40;

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6D2B79F5) >>> 0;
        let x = Math.imul(state ^ (state >>> 15), state | 1);
        x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
        return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
    };
}

/** Cuts connections while steps are under way. */
class Cuts {
    fired = 0;
    steps = 0;
    private readonly timers: NodeJS.Timeout[] = [];
    // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to what it is called on
    private readonly originals = { run: SshConnection.prototype.run, openSocket: SshConnection.prototype.openSocket };

    constructor(hosts: readonly SshHost[], random: () => number) {
        const during = <A extends unknown[], R>(step: (this: SshConnection, ...words: A) => Promise<R>) => {
            const begun = () => {
                this.steps++;
                // From before the host has heard of the step to after it has answered.
                if (random() < 1 / STEPS_A_CUT) this.timers.push(setTimeout(() => { this.fired += hosts.filter((host) => host.cut() > 0).length; }, random() * 60));
            };
            return function (this: SshConnection, ...words: A): Promise<R> {
                begun();
                return step.apply(this, words);
            };
        };
        SshConnection.prototype.run = during(this.originals.run);
        SshConnection.prototype.openSocket = during(this.originals.openSocket);
    }

    end(): void {
        this.timers.forEach(clearTimeout);
        Object.assign(SshConnection.prototype, this.originals);
    }
}

for (let round = 0; round < ROUNDS; round++) {
    const seed = FIRST_SEED + round;
    describe(`nodes whose SSH connections are cut at random (AUTHENTIC_SEED=${seed})`, function () {
        this.timeout(600_000);
        const random = randomOf(seed);
        const rows: string[] = [];
        let fired = 0;
        let base: string;
        let stack: Stack;
        let stream: Stream;
        let hosts: SshHost[];

        before(async () => {
            base = fs.mkdtempSync(path.join(os.tmpdir(), "cuts-"));
            stack = new Stack();
            stream = new Stream(base, stack);
            hosts = await Promise.all([new SshHost().start(), new SshHost().start()]);
        });
        after(async () => {
            await closeConnections();
            const left = await Promise.all(hosts.map((host) => host.remove()));
            fs.rmSync(base, { recursive: true });
            console.log(["      phase    | steps | cuts | commands | refused with", ...rows].join("\n"));
            assert.deepEqual(left.flat(), [], "nothing of a node runs any more");
        });

        const program = (flow: Flow, ssh: Partial<ae.SshArgs> = {}) => () => {
            const deployment = new ae.Deployment("d");
            const [from, to] = hosts.map((host, index) => new ae.Node(`n${index}`, { deployment, tee: "native", ssh: host.ssh(ssh) }));
            stream.declare(deployment, [from!, to!], flow);
        };

        /** Runs a command under cuts until it succeeds. */
        async function through(phase: string, command: () => Promise<unknown>): Promise<void> {
            const cuts = new Cuts(hosts, random);
            const codes: string[] = [];
            try {
                for (;;) {
                    try {
                        await command();
                        break;
                    } catch (error) {
                        const code = error instanceof AuthenticError ? error.code : (error as { cause?: AuthenticError }).cause?.code;
                        assert.match(String(code), /^AE-(SSH-UNREACHABLE|AGENT-UNREACHABLE)$/, String(error));
                        codes.push(String(code));
                        assert.ok(codes.length < ATTEMPTS, `${phase} does not converge`);
                    }
                }
            } finally {
                cuts.end();
                const told = [...new Set(codes)].map((code) => `${codes.filter((one) => one === code).length} ${code}`).join(", ");
                rows.push(`      ${phase.padEnd(8)} | ${String(cuts.steps).padStart(5)} | ${String(cuts.fired).padStart(4)} | ${String(codes.length + 1).padStart(8)} | ${told || "-"}`);
            }
            fired += cuts.fired;
        }

        async function inOrder(flow: Flow, ssh?: Partial<ae.SshArgs>): Promise<void> {
            assert.deepEqual(await stack.refresh(), []);
            assert.deepEqual((await stack.preview(program(flow, ssh))).filter((step) => !step.startsWith("same ")), []);
        }

        it("are created", async () => {
            await through("create", () => stack.up(program({ flowing: true })));
            await inOrder({ flowing: true });
            await stream.passes("received", 0);
        });

        it("are updated, without losing an event", async () => {
            const changed = { keepAlive: "20s" } as const;
            await through("update", () => stack.up(program({ flowing: true, rotate: 1 }, changed)));
            await inOrder({ flowing: true, rotate: 1 }, changed);
            await stream.passes("received", await stream.count("received"));
            await stack.up(program({ flowing: false, rotate: 1 }, changed));
            const { sent, ...counts } = await stream.settled();
            assert.ok(sent > 0);
            assert.deepEqual(counts, { delivered: sent, lost: 0, duplicated: 0, reordered: 0, foreign: 0 });
            rows.push(`      events   | sent ${sent}, delivered ${counts.delivered}, lost 0, duplicated 0, reordered 0`);
        });

        it("are refreshed and deleted, leaving nothing behind", async () => {
            await through("refresh", () => stack.refresh());
            await through("delete", () => stack.destroy());
            assert.ok(fired > 0, "no cut fell into anything");
            assert.deepEqual(hosts.map(({ nodes }) => fs.existsSync(nodes)), [false, false]);
        });
    });
}
