// What the demonstration prints: plain lines, the same on a terminal and in a log.

const colours = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
const paint = (code: number, text: string) => (colours ? `\u001b[${String(code)}m${text}\u001b[0m` : text);

export const bold = (text: string) => paint(1, text);
export const green = (text: string) => paint(32, text);
export const red = (text: string) => paint(31, text);
export const dim = (text: string) => paint(2, text);

export function say(line = ""): void {
    process.stdout.write(`${line}\n`);
}

export function heading(text: string): void {
    say(`\n${bold(text)}`);
}

/** A bar of 25 characters for a percentage. */
export function bar(percent: number): string {
    const filled = Math.round(percent / 4);
    return `${"█".repeat(filled)}${"·".repeat(25 - filled)}`;
}
