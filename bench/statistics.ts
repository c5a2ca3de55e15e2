// What tables are made of: quantiles of samples, and figures with their units.

/** Value below which a share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
    const sorted = samples.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** @returns the middle one */
export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** @param milliseconds - shown in the unit that suits it */
export function duration(milliseconds: number): string {
    if (Math.abs(milliseconds) >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
    return Math.abs(milliseconds) >= 1 ? `${milliseconds.toFixed(1)} ms` : `${(milliseconds * 1000).toFixed(1)} µs`;
}

/** A ratio: `1.53×`. */
export const ratio = (value: number): string => `${value.toFixed(2)}×`;

/** A whole number with its thousands apart. */
export const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
