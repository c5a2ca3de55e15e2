// Repeatable randomness for fuzzers: the same seed gives the same inputs.
import { concat } from "../../../provider/attest/bytes";

/** Draws an integer from 0 to below the bound. */
export type Random = (below: number) => number;

/** A generator (xorshift32). Neighbouring seeds start far apart. */
export function generator(seed: number): Random {
    let state = (Math.imul(seed, 2654435761) + 1) | 1;
    return (below) => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 0) % below;
    };
}

// Bounds of lengths and integers, tags of DER and CBOR, and what delimits PEM.
const INTERESTING = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff, 0x30, 0x31, 0x2d, 0x0a, 0x18, 0x1b, 0x5f, 0x9f, 0xbf, 0xd2];

/** Changes a document in one to four places: bytes, runs, cuts, insertions, repetitions, swaps, extreme integers. */
export function mutate(original: Uint8Array, random: Random): Uint8Array {
    let bytes: Uint8Array = Uint8Array.from(original);
    for (let rounds = 1 + random(4); rounds > 0; rounds--) {
        const at = random(bytes.length + 1);
        const length = random(Math.min(64, bytes.length - at + 1));
        switch (random(8)) {
            case 0:
                bytes[at] = random(256);
                break;
            case 1:
                bytes[at] = INTERESTING[random(INTERESTING.length)] ?? 0;
                break;
            case 2:
                bytes = bytes.slice(0, at);
                break;
            case 3:
                bytes = concat(bytes.subarray(0, at), bytes.subarray(at + length));
                break;
            case 4:
                bytes = concat(bytes.subarray(0, at + length), bytes.subarray(at));
                break;
            case 5:
                bytes.fill(random(2) * 0xff, at, at + length);
                break;
            case 6:
                bytes.copyWithin(random(Math.max(1, bytes.length - length)), at, at + length);
                break;
            default:
                bytes = concat(bytes.subarray(0, at), Uint8Array.from({ length }, () => random(256)), bytes.subarray(at + length));
        }
    }
    return bytes;
}

/** A document of random bytes, or one that was changed: one in ten is random. */
export function hostile(original: Uint8Array, random: Random): Uint8Array {
    return random(10) === 0 ? Uint8Array.from({ length: random(200) }, () => random(256)) : mutate(original, random);
}

const STRANGE_VALUES: readonly unknown[] = [null, true, -1, 0.5, 256, 65536, 2 ** 32, 1e300, "", "x", "\u0000", "9999-99-99T99:99:99Z", "Revoked", [], [[]], {}];

/** Changes a JSON document in one to three places of its structure, and writes it as `JSON.stringify` does. */
export function mutateJson(original: Uint8Array, random: Random): Uint8Array {
    const root: unknown = JSON.parse(Buffer.from(original).toString("utf8"));
    for (let rounds = 1 + random(3); rounds > 0; rounds--) {
        const places = containersOf(root);
        const place = places[random(places.length)]!;
        const names = Object.keys(place);
        const name = names[random(names.length)] ?? "0";
        const other = Object.values(places[random(places.length)]!);
        switch (random(5)) {
            case 0:
                place[name] = structuredClone(STRANGE_VALUES[random(STRANGE_VALUES.length)]);
                break;
            case 1:
                place[name] = structuredClone(other[random(other.length)]);
                break;
            case 2:
                if (Array.isArray(place)) place.splice(random(place.length + 1), 1);
                else Reflect.deleteProperty(place, name);
                break;
            case 3:
                if (Array.isArray(place)) place.push(structuredClone(place[random(place.length)]));
                else place[`${name}2`] = structuredClone(place[name]);
                break;
            default:
                if (typeof place[name] === "string") place[name] = Buffer.from(mutate(Buffer.from(place[name]), random)).toString("latin1");
                else if (typeof place[name] === "number") place[name] = random(2) === 0 ? -place[name] : random(70_000);
        }
    }
    return Buffer.from(JSON.stringify(root));
}

type Container = Record<string, unknown>;

/** Every object and array of a document. */
function containersOf(value: unknown): Container[] {
    if (typeof value !== "object" || value === null) {
        return [];
    }
    return [value as Container, ...Object.values(value).flatMap(containersOf)];
}
