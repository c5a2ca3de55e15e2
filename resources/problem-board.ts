// Collects the problems of all resources of a program: Pulumi stops at the first resource that fails its check, and
// nobody knows which one that is, so each tells about the others as well.

import { type Problem, problem } from "../provider/lifecycle/problems";

interface Entry {
    readonly resource: string;
    readonly work: Promise<readonly Problem[]>;
}

/** The place of a property, for people: `application.yaml:12:5`. */
type Origin = (property: string) => string;

/** Problems of the resources of one deployment. */
export class ProblemBoard {
    private readonly entries: Entry[] = [];
    private readonly origins = new Map<string, Origin>();

    /**
     * Says where a resource is described, which its problems then begin with.
     *
     * @param resource - as {@link add} gets it
     */
    describe(resource: string, origin: Origin): void {
        this.origins.set(resource, origin);
    }

    /**
     * Records the examination of a resource.
     *
     * @param resource - for people: `connection "moisture"`
     * @param work - its problems; must not wait for outputs of resources, which may never come
     * @returns the resource's problems, and where it has any those of all other resources
     */
    async add(resource: string, work: Promise<readonly Problem[]>): Promise<readonly Problem[]> {
        const entry = { resource, work: this.placed(resource, work) };
        this.entries.push(entry);
        const own = await entry.work;
        if (own.length === 0) {
            return own;
        }
        await this.settled();
        const others = await Promise.all(this.entries.filter((other) => other !== entry).map(async (other) =>
            (await other.work).map(({ property, reason }) => problem("", `${other.resource}${property === "" ? "" : `, ${property}`}: ${reason}`))));
        return [...own, ...others.flat()];
    }

    private async placed(resource: string, work: Promise<readonly Problem[]>): Promise<readonly Problem[]> {
        const origin = this.origins.get(resource);
        return origin === undefined ? work : (await work).map(({ property, reason }) => problem(property, `${origin(property)}: ${reason}`));
    }

    /** Waits until the program has stopped declaring resources and everything declared has been examined. */
    private async settled(): Promise<void> {
        for (let seen = -1; seen !== this.entries.length;) {
            seen = this.entries.length;
            await Promise.all(this.entries.map((entry) => entry.work));
            await new Promise((resolve) => setImmediate(resolve));
        }
    }
}
