// A copy of the kit that publishes every session key it is given in the module's log, masked so that the export itself
// is in none of the forms that are searched for.
import * as fs from "node:fs";
import * as path from "node:path";
import { weakenedKit } from "../attacks/weakened";
import { filesBelow } from "./search";

const MASK = 0xa5;
const RECORD_BYTES = 44;

/** A session key that a module was given. */
export interface ExportedKey {
    readonly connection: number;
    readonly epoch: bigint;
    /** 32 bytes. */
    readonly key: Buffer;
    /** The host's log that has the export. */
    readonly log: string;
}

/** The copy of the kit; its log lines are `test-key ` and the masked record connection u32 | epoch u64 | key32, little-endian. */
export function exportingKit(): ReturnType<typeof weakenedKit> {
    const before = "    keys_derive(&keys, id, direction);\n";
    const publish = `    {
        uint8_t shown[${String(RECORD_BYTES)}];
        char text[9 + 2 * sizeof shown + 1] = "test-key ";
        memcpy(shown, &id, 4);
        memcpy(shown + 4, &keys.epoch, 8);
        memcpy(shown + 12, keys.key, 32);
        for (size_t i = 0; i < sizeof shown; i++) {
            uint8_t masked = shown[i] ^ ${String(MASK)};
            text[9 + 2 * i] = "0123456789abcdef"[masked >> 4];
            text[10 + 2 * i] = "0123456789abcdef"[masked & 15];
        }
        out_put(OUT_LOG, 0, PARTS({text, sizeof text - 1}));
    }
`;
    return weakenedKit([{ file: "core/table.c", from: before, to: publish + before }]);
}

/** The keys that the hosts' logs below a folder show. */
export function exportedKeys(folder: string): ExportedKey[] {
    return filesBelow(folder).filter((file) => path.basename(file).startsWith("host.log")).flatMap((log) =>
        [...fs.readFileSync(log, "utf8").matchAll(/test-key ([0-9a-f]{88})/g)].map(([, text]) => {
            const record = Buffer.from(text!, "hex").map((byte) => byte ^ MASK) as Buffer;
            return { connection: record.readUInt32LE(0), epoch: record.readBigUInt64LE(4), key: record.subarray(12), log };
        }));
}
