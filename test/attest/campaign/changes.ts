// Every value of every byte of a document, as a task.
import type { Outcome, Task } from "./task";

const BYTES_A_PIECE = 32;
const OTHER_VALUES = 255;

/**
 * A task that tries all 255 other values of every byte.
 *
 * @param document - the genuine document
 * @param accepts - whether a changed document would be accepted; a refusal is an answer, everything else an error
 */
export function everyValueTask(name: string, document: Uint8Array, accepts: (changed: Uint8Array) => boolean): Task {
    return {
        name: `${name}, every value of every byte`,
        inputs: document.length * OTHER_VALUES,
        pieces: Math.ceil(document.length / BYTES_A_PIECE),
        run(piece) {
            const end = Math.min(document.length, (piece + 1) * BYTES_A_PIECE);
            return everyValue(document, piece * BYTES_A_PIECE, end, accepts);
        },
    };
}

function everyValue(document: Uint8Array, from: number, to: number, accepts: (changed: Uint8Array) => boolean): Outcome {
    const findings: string[] = [];
    let tried = 0;
    let accepted = 0;
    for (let offset = from; offset < to; offset++) {
        for (let difference = 1; difference <= OTHER_VALUES; difference++) {
            const changed = Uint8Array.from(document);
            changed[offset]! ^= difference;
            const where = `byte ${offset} as 0x${changed[offset]!.toString(16).padStart(2, "0")}`;
            tried++;
            try {
                if (accepts(changed)) {
                    accepted++;
                    findings.push(`${where} is accepted`);
                }
            } catch (error) {
                findings.push(`${where}: ${String(error)}`);
            }
        }
    }
    return { tried, accepted, findings };
}
