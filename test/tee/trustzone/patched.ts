// Copies of the board's software with text replaced: what a build without a check would be, or a non-secure side that attacks.
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { packageFolder } from "../../../provider/build/folders";
import type { BoardSoftware } from "../../../provider/tee/tee";
import { buildBoardSoftware } from "../../../provider/tee/trustzone/firmware";

export interface Patch {
    /** Below `runtime/trustzone/firmware`. */
    readonly file: string;
    /** Occurs exactly once. */
    readonly from: string;
    readonly to: string;
}

export async function patchedSoftware(patches: readonly Patch[]): Promise<BoardSoftware> {
    const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-firmware-"));
    try {
        await cp(path.join(packageFolder(), "runtime", "trustzone", "firmware"), folder, { recursive: true });
        for (const { file, from, to } of patches) {
            const text = await readFile(path.join(folder, file), "utf8");
            if (text.split(from).length !== 2) throw new Error(`${file} does not contain ${JSON.stringify(from)} exactly once`);
            await writeFile(path.join(folder, file), text.replace(from, () => to));
        }
        return await buildBoardSoftware({ folder });
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
}
