// Loaded into Pulumi's Node processes (`--require`): notes a byte for each step over SSH.
import { appendFileSync } from "node:fs";
import type { SshConnection } from "../provider/ssh/connection";

const file = process.env["AUTHENTIC_BENCH_STEPS"];

/** Once SSH is needed: the library costs every other process time. */
async function count(into: string): Promise<void> {
    const { SshConnection: connection } = await import("../provider/ssh/connection.js");
    const noted = <A extends unknown[], R>(step: (this: SshConnection, ...given: A) => R) => function (this: SshConnection, ...given: A): R {
        appendFileSync(into, ".");
        return step.apply(this, given);
    };
    // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to what it is called on
    const { run, openSocket } = connection.prototype;
    Object.assign(connection.prototype, { run: noted(run), openSocket: noted(openSocket) });
}

if (file !== undefined) void count(file);
