// Pulumi's official release: the archive for this platform, accepted only with its published SHA-256.
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { SetupFailure } from "./failure.mjs";
import { findProgram, run, runOrFail } from "./process.mjs";

const RELEASES = "https://get.pulumi.com/releases/sdk";
const CONNECT_SECONDS = "5";
const TRANSFER_SECONDS = "600";

/**
 * @param {string} version
 * @param {string} [platform]
 * @param {string} [arch]
 * @returns {string | undefined} undefined where Pulumi publishes none
 */
export function archiveName(version, platform = process.platform, arch = process.arch) {
    if (!["linux", "darwin"].includes(platform) || !["x64", "arm64"].includes(arch)) return undefined;
    return `pulumi-v${version}-${platform}-${arch}.tar.gz`;
}

/**
 * The checksum of a file in the format of sha256sum.
 *
 * @param {string} checksums
 * @param {string} name
 */
export function checksumOf(checksums, name) {
    for (const line of checksums.split("\n")) {
        const [sum, file] = line.trim().split(/\s+\*?/);
        if (file === name && /^[0-9a-f]{64}$/.test(sum ?? "")) return sum;
    }
    return undefined;
}

/**
 * Downloads and unpacks the release.
 *
 * @param {string} version
 * @param {string} folder an empty folder for the binaries
 * @param {(line: string) => void} say
 * @returns {Promise<boolean>} false where the server is not reachable or has no release for this platform
 * @throws {SetupFailure} where what arrived is not what was published
 */
export async function downloadPulumi(version, folder, say) {
    const name = archiveName(version);
    // curl knows the machine's proxies and certificates, which Node's own client does not.
    const curl = findProgram("curl");
    if (name === undefined || curl === undefined || findProgram("tar") === undefined) return false;
    const fetch = [curl, "--fail", "--silent", "--show-error", "--location", "--proto", "=https", "--connect-timeout", CONNECT_SECONDS];
    say(`looking for Pulumi ${version} at get.pulumi.com`);
    const sums = await run([...fetch, "--max-time", "30", `${RELEASES}/pulumi-${version}-checksums.txt`]);
    if (sums.code !== 0) {
        say(`get.pulumi.com is not reachable: ${sums.tail}`);
        return false;
    }
    const expected = checksumOf(sums.output, name);
    if (expected === undefined) return false;
    say(`downloading ${name}`);
    const archive = path.join(folder, name);
    const transfer = await run([...fetch, "--max-time", TRANSFER_SECONDS, "--output", archive, `${RELEASES}/${name}`]);
    if (transfer.code !== 0) {
        say(`the download broke off: ${transfer.tail}`);
        rmSync(archive, { force: true });
        return false;
    }
    const found = createHash("sha256").update(readFileSync(archive)).digest("hex");
    if (found !== expected) {
        throw new SetupFailure(
            `${name} from get.pulumi.com has SHA-256 ${found}, published is ${expected}`,
            "do not use that file; try another network, or put a Pulumi you trust on PATH",
        );
    }
    await runOrFail(["tar", "-xzf", archive, "-C", folder, "--strip-components=1"]);
    rmSync(archive);
    return true;
}
