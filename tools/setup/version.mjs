// Versions as programs print them: finding, ordering.

/**
 * The first version in a text: "go version go1.26.8 linux/amd64" gives "1.26.8".
 *
 * @param {string} text
 * @returns {string | undefined}
 */
export function findVersion(text) {
    return /(?:^|[^\d.])(\d+\.\d+(?:\.\d+)?(?:-[0-9A-Za-z.-]+)?)/.exec(text)?.[1];
}

/**
 * Whether `version` is `minimum` or newer. A pre-release (`-alpha`) is older than its release.
 *
 * @param {string} version
 * @param {string} minimum
 */
export function isAtLeast(version, minimum) {
    const [number = "", prerelease] = splitOnce(version, "-");
    const [least = "", leastPrerelease] = splitOnce(minimum, "-");
    const a = number.split(".").map(Number);
    const b = least.split(".").map(Number);
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
        const difference = (a[i] ?? 0) - (b[i] ?? 0);
        if (difference !== 0) return difference > 0;
    }
    return prerelease === undefined || leastPrerelease !== undefined;
}

/**
 * @param {string} text
 * @param {string} separator
 */
function splitOnce(text, separator) {
    const at = text.indexOf(separator);
    return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
