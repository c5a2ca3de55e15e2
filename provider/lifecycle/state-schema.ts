// What becomes of a module's state in an update, as far as declarations tell (docs/protocol.md section 9, Offer).
import { DROPPED } from "../build/interface";
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
        `nothing takes over state "${name}" of schema ${version} (${maximum} bytes): declare AUTHENTIC_STATE(…, ${name}, ${version}) as before, AUTHENTIC_MIGRATE(${name}, ${version}, …) or AUTHENTIC_DROP(${name})`);
}

/** How schemas change, for people; undefined where neither has state. */
export function schemaChange(olds: Declared, news: Declared): string | undefined {
    const [before, after] = [olds, news].map((declared) => objects(declared).map(({ name, version = 0 }) => `${name} ${version}`).sort().join(", "));
    if (before === "" && after === "") {
        return undefined;
    }
    return before === after ? `state schema ${before ?? ""} stays` : `state schema ${before || "none"} → ${after || "none"}`;
}
