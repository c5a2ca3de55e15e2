// The kit without the cryptography of frames: a copy whose seals and tags are nothing. All else is the same, rings, host, sockets
// and batches, so that it tells what cryptography costs and what the rest does.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { kitFolder } from "../provider/build/folders";

const PLAIN: readonly (readonly [from: string, to: string])[] = [
    ["return crypto_chacha_open(text, text, frame->length, bytes, FRAME_HEADER, nonce, key);", "return true;"],
    ["else crypto_chacha_seal(to, text, length, sealed, FRAME_HEADER, nonce, key);", "else { memcpy(to, text, length); memset(to + length, 0, CRYPTO_TAG); }"],
];

/** Makes such a kit in a folder that does not exist yet. @returns the folder */
export function plainKit(folder: string): string {
    cpSync(kitFolder(), folder, { recursive: true });
    const frames = path.join(folder, "core", "frames.c");
    writeFileSync(frames, PLAIN.reduce((source, [from, to]) => {
        if (source.split(from).length !== 2) throw new Error(`the kit's frames.c does not contain ${JSON.stringify(from)} exactly once`);
        return source.replace(from, to);
    }, readFileSync(frames, "utf8")));
    return folder;
}
