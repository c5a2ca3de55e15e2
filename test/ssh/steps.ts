// Every step over SSH of this process, commands and sockets alike, passes here while a test looks at them.
import type { Duplex } from "node:stream";
import { type Output, SshConnection } from "../../provider/ssh/connection";

/** Takes part in a step. */
export interface Watcher {
    /** @param act - does the step */
    run(step: number, command: string, input: Uint8Array | undefined, act: (command: string, input?: Uint8Array) => Promise<Output>): Promise<Output>;
    openSocket(step: number, act: () => Promise<Duplex>): Promise<Duplex>;
}

const STEPS: Watcher = { run: (_step, command, input, act) => act(command, input), openSocket: (_step, act) => act() };

/** Steps, numbered from 1, until `end`. */
export class Steps {
    count = 0;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to what it is called on
    private readonly originals = { run: SshConnection.prototype.run, openSocket: SshConnection.prototype.openSocket };

    constructor(watcher: Watcher = STEPS) {
        const { run, openSocket } = this.originals;
        const next = () => ++this.count;
        SshConnection.prototype.run = function (command, input) {
            return watcher.run(next(), command, input, (...words) => run.apply(this, words));
        };
        SshConnection.prototype.openSocket = function (socket) {
            return watcher.openSocket(next(), () => openSocket.call(this, socket));
        };
    }

    end(): void {
        Object.assign(SshConnection.prototype, this.originals);
    }
}
