// Strikes at one of the steps that a command takes over SSH: before the host hears of it.
import { SshConnection } from "../../provider/ssh/connection";

export class Moments {
    /** Steps that were begun. */
    steps = 0;
    private struck = false;
    /** Set by a fault that ends the deployer: nothing more is done in its name. */
    dead = false;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to what it is called on
    private readonly originals = { run: SshConnection.prototype.run, openSocket: SshConnection.prototype.openSocket };

    /**
     * @param at - number of the step, from 1
     * @param strike - says whether there was anything to strike at; else it is asked again at the next step
     */
    constructor(private readonly at: number, private readonly strike: () => Promise<boolean>) {
        const before = <A extends unknown[], R>(step: (this: SshConnection, ...words: A) => Promise<R>) => {
            const begun = () => this.begun();
            return async function (this: SshConnection, ...words: A): Promise<R> {
                await begun();
                return step.apply(this, words);
            };
        };
        SshConnection.prototype.run = before(this.originals.run);
        SshConnection.prototype.openSocket = before(this.originals.openSocket);
    }

    private async begun(): Promise<void> {
        if (this.dead) throw new Error("the deployer was killed");
        if (++this.steps < this.at || this.struck) return;
        this.struck = true;
        this.struck = await this.strike();
        // As the type checker cannot know, the fault may have done that.
        if (this.dead as boolean) throw new Error("the deployer was killed");
    }

    end(): void {
        Object.assign(SshConnection.prototype, this.originals);
    }
}
