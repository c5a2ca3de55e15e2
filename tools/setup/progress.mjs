// Shows what set-up is doing: on a terminal one live line with the time and the last line of output,
// elsewhere a plain line when a step starts, ends, and every half minute between.

const LIVE_MS = 120;
const PLAIN_MS = 30_000;

/** @param {number} milliseconds */
export function duration(milliseconds) {
    const seconds = milliseconds / 1000;
    if (seconds < 10) return `${seconds.toFixed(2)} s`;
    if (seconds < 60) return `${seconds.toFixed(1)} s`;
    return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
}

/** Reports steps one after the other. */
export class Progress {
    /** @param {NodeJS.WriteStream} [out] */
    constructor(out = process.stderr) {
        this.out = out;
        this.live = out.isTTY && process.env["CI"] === undefined;
    }

    /**
     * Runs one step.
     *
     * @template T
     * @param {string} name what is being made ready
     * @param {(say: (line: string) => void) => Promise<T>} action `say` takes lines of detail
     * @returns {Promise<T>}
     */
    async step(name, action) {
        const start = performance.now();
        let detail = "";
        let announced = false;
        const show = () => {
            const elapsed = duration(performance.now() - start);
            if (this.live) {
                const width = (this.out.columns || 80) - 1;
                this.out.write(`\r\x1b[2K${`  … ${name}  ${elapsed}  ${detail}`.slice(0, width)}`);
            } else if (announced) {
                this.out.write(`    … ${elapsed}  ${detail}\n`);
            }
        };
        const timer = setInterval(show, this.live ? LIVE_MS : PLAIN_MS);
        try {
            const result = await action((line) => {
                detail = line.trim();
                // A step that has nothing to do says nothing, so it gets its one line at the end.
                if (!this.live && !announced) {
                    announced = true;
                    this.out.write(`  … ${name}: ${detail}\n`);
                }
            });
            this.finish("✓", name, start);
            return result;
        } catch (error) {
            this.finish("✗", name, start);
            throw error;
        } finally {
            clearInterval(timer);
        }
    }

    /**
     * @param {string} mark
     * @param {string} name
     * @param {number} start
     */
    finish(mark, name, start) {
        const clear = this.live ? "\r\x1b[2K" : "";
        this.out.write(`${clear}  ${mark} ${name}  (${duration(performance.now() - start)})\n`);
    }
}
