// Searches files and text for secrets in every form in which they might have been written.
import * as fs from "node:fs";
import * as path from "node:path";

/** A form of a secret, as bytes that occur wherever the secret was written in this form. */
export interface Form {
    readonly name: string;
    readonly bytes: Buffer;
}

/** Base64 characters that depend on the secret alone when `before` bytes (0 to 2) precede it in its group of three. */
function aligned(secret: Uint8Array, before: number): string {
    const text = Buffer.concat([Buffer.alloc(before), secret]).toString("base64");
    const bits = (before + secret.length) * 8;
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(bits / 6));
}

/** The forms of a secret: raw, hex in both cases, base64 and base64url at the three alignments. */
export function forms(secret: Uint8Array): Form[] {
    const hex = Buffer.from(secret).toString("hex");
    const texts: [string, string][] = [["hex", hex], ["HEX", hex.toUpperCase()]];
    for (const before of [0, 1, 2]) {
        const text = aligned(secret, before);
        texts.push([`base64+${String(before)}`, text], [`base64url+${String(before)}`, text.replace(/\+/g, "-").replace(/\//g, "_")]);
    }
    return [{ name: "raw", bytes: Buffer.from(secret) }, ...texts.map(([name, text]) => ({ name, bytes: Buffer.from(text, "latin1") }))];
}

/** Names of the forms of the secret that occur in the bytes. */
export function formsIn(bytes: Buffer, secret: Uint8Array): string[] {
    return forms(secret).filter(form => bytes.includes(form.bytes)).map(form => form.name);
}

/** All regular files at or below a folder; links are not followed. */
export function filesBelow(folder: string): string[] {
    const entries = fs.readdirSync(folder, { withFileTypes: true });
    return entries.flatMap(entry => {
        const name = path.join(folder, entry.name);
        if (entry.isDirectory()) return filesBelow(name);
        return entry.isFile() ? [name] : [];
    });
}

/** Where secrets occur below a folder, each hit as `file: form`, without the secret. */
export function hitsBelow(folder: string, secrets: readonly Uint8Array[]): string[] {
    return filesBelow(folder).flatMap(file => {
        const bytes = fs.readFileSync(file);
        return secrets.flatMap(secret => formsIn(bytes, secret).map(form => `${file}: ${form}`));
    });
}
