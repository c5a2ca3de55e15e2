// Every decoder takes hostile bytes: it refuses them with a ProtocolError or returns a value that encodes to the same
// bytes. AUTHENTIC_FUZZ=full tries a million inputs for each.
import assert from "node:assert/strict";
import { concat, equalBytes } from "../../provider/protocol/bytes";
import { decodeCommand, encodeCommand } from "../../provider/protocol/command";
import { decodeCompact, encodeCompact } from "../../provider/protocol/compact-frame";
import { decodeConfiguration, encodeConfiguration } from "../../provider/protocol/configuration";
import { decodeState, encodeState } from "../../provider/protocol/exported-state";
import { decodeFrame, encodeFrame } from "../../provider/protocol/frame";
import { decodeAccept, encodeAccept } from "../../provider/protocol/hand-over";
import { decodeHello, encodeHello } from "../../provider/protocol/hello";
import { decodeM2, decodeM2Core, encodeM2, encodeM2Core } from "../../provider/protocol/m2";
import { decodeUpdate, encodeUpdate } from "../../provider/protocol/records";
import { ProtocolError } from "../../provider/protocol/refusal";
import { decodeStatus, encodeStatus } from "../../provider/protocol/status";
import type { VectorFile } from "../vectors/fixed";
import { vectorFiles } from "../vectors/files";

const ROUNDS = process.env["AUTHENTIC_FUZZ"] === "full" ? 1_000_000 : 20_000;

interface Target {
    readonly name: string;
    /** Decodes and encodes again. */
    readonly again: (bytes: Uint8Array) => Uint8Array;
    readonly file: string;
    /** The field of the vectors that holds inputs. */
    readonly field: string;
}

const TARGETS: readonly Target[] = [
    { name: "status", again: (b) => encodeStatus(decodeStatus(b)), file: "session", field: "statusAfterM3" },
    { name: "M2 core", again: (b) => encodeM2Core(decodeM2Core(b)), file: "session", field: "m2Core" },
    { name: "M2", again: (b) => encodeM2(decodeM2(b)), file: "session", field: "m2" },
    { name: "table update", again: (b) => encodeUpdate(decodeUpdate(b)), file: "session", field: "plaintext" },
    { name: "command", again: (b) => encodeCommand(decodeCommand(b)), file: "session", field: "plaintext" },
    { name: "frame", again: (b) => encodeFrame(decodeFrame(b)), file: "frame", field: "frame" },
    { name: "compact frame", again: (b) => encodeCompact(decodeCompact(b)), file: "compact-frame", field: "frame" },
    { name: "hello", again: (b) => encodeHello(decodeHello(b)), file: "hello", field: "hello" },
    { name: "configuration", again: (b) => encodeConfiguration(decodeConfiguration(b), b.length), file: "configuration", field: "block" },
    { name: "exported state", again: (b) => encodeState(decodeState(b)), file: "hand-over", field: "statePlaintext" },
    { name: "Accept", again: (b) => encodeAccept(decodeAccept(b)), file: "hand-over", field: "accept" },
];

const made = new Map<string, VectorFile["vectors"]>();

/** The vectors of a file, made once. */
function vectorsOf(file: string): VectorFile["vectors"] {
    const vectors = made.get(file) ?? vectorFiles[file]?.().vectors ?? [];
    made.set(file, vectors);
    return vectors;
}

/** A small generator with a fixed seed (xorshift32), so that a failure can be repeated. */
const generator = (seed: number): ((below: number) => number) => {
    let state = seed;
    return (below) => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 0) % below;
    };
};

const INTERESTING = [0, 1, 2, 0x7f, 0x80, 0xff];

/** Flips, sets, cuts, extends and splices. */
function mutate(seeds: readonly Uint8Array[], random: (below: number) => number): Uint8Array {
    let bytes: Uint8Array = seeds[random(seeds.length)]?.slice() ?? new Uint8Array(0);
    for (let edits = 1 + random(4); edits > 0; edits--) {
        const at = random(bytes.length + 1);
        switch (random(5)) {
            case 0:
                if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
                break;
            case 1:
                if (at < bytes.length) bytes[at] = INTERESTING[random(INTERESTING.length)] ?? 0;
                break;
            case 2:
                bytes = bytes.slice(0, at);
                break;
            case 3:
                bytes = concat(bytes, Uint8Array.from({ length: 1 + random(8) }, () => random(256)));
                break;
            default: {
                const other = seeds[random(seeds.length)] ?? bytes;
                bytes = concat(bytes.subarray(0, at), other.subarray(random(other.length + 1)));
            }
        }
    }
    return bytes;
}

describe("hostile bytes", () => {
    for (const { name, again, file, field } of TARGETS) {
        it(`leave the decoder of ${name} in one piece`, function () {
            this.timeout(0);
            const accepts = (bytes: Uint8Array): boolean => {
                let result: Uint8Array;
                try {
                    result = again(bytes);
                } catch (error) {
                    assert.ok(error instanceof ProtocolError, `${Buffer.from(bytes).toString("hex")}: ${String(error)}`);
                    return false;
                }
                assert.ok(equalBytes(result, bytes), `not canonical: ${Buffer.from(bytes).toString("hex")}`);
                return true;
            };
            const seeds = vectorsOf(file).map((vector) => vector[field]).filter((value) => value instanceof Uint8Array).filter(accepts);
            assert.notEqual(seeds.length, 0, "there is no good input to start from");
            const random = generator(0x9e3779b9);
            let accepted = 0;
            for (let i = 0; i < ROUNDS; i++) if (accepts(mutate(seeds, random))) accepted++;
            assert.ok(accepted < ROUNDS);
        });
    }
});
