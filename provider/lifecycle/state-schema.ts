// What becomes of a module's state in an update, as far as declarations tell (docs/protocol.md section 9, Offer).
import { DROPPED } from "../build/interface";
import { offerLength } from "../protocol/hand-over";
import type { HandOverRoom } from "../tee/tee";
import type { DeclarationState } from "./interface";

type Declared = readonly DeclarationState[];

const objects = (declared: Declared): Declared => declared.filter(({ kind }) => kind === "state");

function taken({ name, version, maximum }: DeclarationState, by: Declared): boolean {
    return by.some((one) => one.name === name && (one.kind === "state" || one.kind === "migration")
        && ((one.version === version && one.maximum === maximum) || (one.kind === "migration" && ((one.flags ?? 0) & DROPPED) !== 0)));
}

/** What the new module would lose: objects that nothing in it takes over, each with what to declare. */
export function lostObjects(olds: Declared, news: Declared): string[] {
    return objects(olds).filter((one) => !taken(one, news)).map(({ name, version = 0, maximum = 0 }) =>
        `nothing takes over state "${name}" of schema ${version} (${maximum} bytes): declare AUTHENTIC_STATE(…, ${name}, ${version}) as before, AUTHENTIC_MIGRATE(${name}, ${version}, …) or AUTHENTIC_DROP(${name}), in Rust #[state(${version})], #[migrate(${version})] or #[drop] under this name`);
}

/** What cannot go along in a hand-over: the old instance hands all of it over, whatever becomes of it at the new one. */
export function excessProblems(olds: Declared, room: HandOverRoom): string[] {
    const bytes = offerLength(objects(olds).map(({ name, maximum = 0 }) => ({ name, length: maximum })));
    const events = olds.filter(({ kind, maximum = 0 }) => (kind === "output" || kind === "request") && maximum > room.event);
    return [
        ...(bytes <= room.message ? [] : [`its state needs a message of ${bytes} bytes, but the old and the new node have room for ${room.message} in a hand-over: make the state smaller on its node first, or give the module another name`]),
        ...events.map(({ kind, name, maximum = 0 }) => `${kind} "${name}" of what runs may wait with ${maximum} bytes for its acknowledgement, but the old and the new node take ${room.event} in a hand-over: declare less on its node first, or give the module another name`),
    ];
}

/** How schemas change, for people; undefined where neither has state. */
export function schemaChange(olds: Declared, news: Declared): string | undefined {
    const [before, after] = [olds, news].map((declared) => objects(declared).map(({ name, version = 0 }) => `${name} ${version}`).sort().join(", "));
    if (before === "" && after === "") {
        return undefined;
    }
    return before === after ? `state schema ${before ?? ""} stays` : `state schema ${before || "none"} → ${after || "none"}`;
}
