// Code blocks of Markdown files, as a reader sees them.
import MarkdownIt from "markdown-it";

export interface Block {
    /** First word behind the fence. */
    readonly language: string;
    /** The rest of that line. */
    readonly note: string;
    readonly content: string;
    /** Of the fence, from 1. */
    readonly line: number;
}

/** The code blocks of a text, in order, also those in lists and quotes. */
export function blocksOf(markdown: string): Block[] {
    return new MarkdownIt({ html: true }).parse(markdown, {}).filter(({ type }) => type === "fence").map(({ info, content, map }) => {
        const [language = "", ...note] = info.trim().split(/\s+/);
        return { language, note: note.join(" "), content, line: (map?.[0] ?? 0) + 1 };
    });
}

/**
 * Whether a text shows what a block says: its lines in their order, others between them. `…` stands for anything in a line,
 * any space for any other.
 *
 * @returns the first line that is missing
 */
export function missingLine(shown: string, output: string): string | undefined {
    const lines = output.split("\n");
    let at = 0;
    for (const line of shown.trim().split("\n")) {
        const pattern = new RegExp(line.trim().split("…").map((part) => part.trim().split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+")).join(".*"));
        const found = lines.findIndex((text, index) => index >= at && pattern.test(text));
        if (found < 0) return line;
        at = found + 1;
    }
    return undefined;
}
