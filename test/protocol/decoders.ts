// The decoders of the protocol as fuzzing targets: they refuse with a ProtocolError, or return a value that encodes to
// the same bytes.
import { concat, equalBytes } from "../../provider/protocol/bytes";
import { decodeCommand, encodeCommand } from "../../provider/protocol/command";
import { decodeCompact, encodeCompact } from "../../provider/protocol/compact-frame";
import { decodeConfiguration, encodeConfiguration } from "../../provider/protocol/configuration";
import { decodeKeys, decodeState, encodeKeys, encodeState, keyCommitment } from "../../provider/protocol/exported-state";
import { decodeFrame, encodeFrame } from "../../provider/protocol/frame";
import { decodeAccept, encodeAccept } from "../../provider/protocol/hand-over";
import { decodeHello, encodeHello } from "../../provider/protocol/hello";
import { decodeM2, decodeM2Core, encodeM2, encodeM2Core } from "../../provider/protocol/m2";
import { decodeUpdate, encodeUpdate } from "../../provider/protocol/records";
import { ProtocolError } from "../../provider/protocol/refusal";
import { decodeStatus, encodeStatus } from "../../provider/protocol/status";
import type { Target } from "../attest/campaign/fuzzing";
import type { Random } from "../attest/campaign/random";
import type { VectorFile } from "../vectors/fixed";
import { vectorFiles } from "../vectors/files";

interface Decoder {
    readonly name: string;
    /** Decodes and encodes again. */
    readonly again: (bytes: Uint8Array) => Uint8Array;
    readonly file: string;
    /** The field of the vectors that holds inputs. */
    readonly field: string;
}

const DECODERS: readonly Decoder[] = [
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
    { name: "keys", again: (b) => encodeKeys(decodeKeys(b, keyCommitment(b))), file: "hand-over", field: "keys" },
];

const INTERESTING = [0, 1, 2, 0x7f, 0x80, 0xff];

/** Flips, sets, cuts, extends and splices. */
function mutate(seeds: readonly Uint8Array[], random: Random): Uint8Array {
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

function targetOf({ name, again, file, field }: Decoder, vectors: VectorFile["vectors"]): Target {
    const accepts = (bytes: Uint8Array): boolean | string => {
        try {
            return equalBytes(again(bytes), bytes) || "not canonical";
        } catch (error) {
            return error instanceof ProtocolError ? false : String(error);
        }
    };
    const seeds = vectors.map((vector) => vector[field]).filter((value) => value instanceof Uint8Array).filter((value) => accepts(value) === true);
    if (seeds.length === 0) {
        throw new Error(`the vectors of ${file} hold no good ${name} to start from`);
    }
    return {
        name,
        input: (random) => [mutate(seeds, random)],
        take([bytes]) {
            const answer = accepts(bytes!);
            return typeof answer === "string" ? answer : null;
        },
    };
}

/** A target for each decoder, by name. */
export function decoderTargets(): Readonly<Record<string, Target>> {
    const made = new Map<string, VectorFile["vectors"]>();
    return Object.fromEntries(DECODERS.map((decoder) => {
        const vectors = made.get(decoder.file) ?? vectorFiles[decoder.file]?.().vectors ?? [];
        made.set(decoder.file, vectors);
        return [decoder.name, targetOf(decoder, vectors)];
    }));
}
