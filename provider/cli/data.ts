// Data of commands: given as text, in hexadecimal, in a file or on standard input; and how a reply is shown.

import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { AuthenticError } from "../errors";
import { MAX_DATA } from "../protocol/command";
import { readInput } from "./files";

export interface DataOptions {
    readonly hex?: boolean;
    readonly file?: string;
}

/** Adds the argument and options that give data. */
export function addDataOptions(command: Command): Command {
    return command
        .argument("[data]", "what to send, as text; nothing where it is absent")
        .option("--hex", "the data is given in hexadecimal")
        .addOption(new Option("--file <path>", "send the bytes of a file, - for standard input"));
}

/**
 * The bytes to send.
 *
 * @param maximum - what the module declares, bytes; undefined where it is not known
 * @throws AuthenticError AE-CLI-DATA, AE-CLI-FILE
 */
export function dataOf(text: string | undefined, { hex, file }: DataOptions, maximum: number | undefined, target: string): Uint8Array {
    if (text !== undefined && file !== undefined) {
        throw new AuthenticError("AE-CLI-DATA", "data is given twice, as an argument and with --file", "give one of the two");
    }
    const bytes = file !== undefined ? fileBytes(file) : new Uint8Array(Buffer.from(text ?? "", "utf8"));
    const data = hex === true ? fromHex(Buffer.from(bytes).toString("utf8")) : bytes;
    const limit = Math.min(maximum ?? MAX_DATA, MAX_DATA);
    if (data.length > limit) {
        throw new AuthenticError("AE-CLI-DATA", `the data has ${data.length} bytes, but ${target} takes at most ${limit}`, "send less, or raise the maximum in the module's source");
    }
    return data;
}

function fileBytes(file: string): Uint8Array {
    if (file !== "-") return readInput(file, "data");
    try {
        return new Uint8Array(readFileSync(0));
    } catch (error) {
        throw new AuthenticError("AE-CLI-FILE", `the data on standard input cannot be read (${error instanceof Error ? error.message : String(error)})`, "pipe the data into the command");
    }
}

function fromHex(text: string): Uint8Array {
    const digits = text.replace(/\s+/g, "");
    if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits)) {
        throw new AuthenticError("AE-CLI-DATA", "the data is not hexadecimal", "write two digits for each byte, or omit --hex");
    }
    return new Uint8Array(Buffer.from(digits, "hex"));
}

/** A reply as text where all of it is printable, else undefined. */
export function printable(data: Uint8Array): string | undefined {
    try {
        const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
        return /^[\P{C}\n\t]*$/u.test(text) ? text : undefined;
    } catch {
        return undefined;
    }
}
