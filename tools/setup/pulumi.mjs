// The Pulumi CLI with its Node language host. In order: PATH, the cache, Pulumi's own download, and where
// that is not reachable the real CLI built from its Go modules with the language host of this package.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { installOnce } from "./cache.mjs";
import { SetupFailure } from "./failure.mjs";
import { installLanguageHost } from "./language-host.mjs";
import { needTool } from "./prerequisites.mjs";
import { findProgram, run, runOrFail } from "./process.mjs";
import { downloadPulumi } from "./pulumi-download.mjs";
import { findVersion, isAtLeast } from "./version.mjs";

/** Present in a folder whose CLI was built here; its content is unused. */
const BUILT_HERE = "built-from-modules";

/** @param {string} root the package's folder */
export function pinnedPulumi(root) {
    return readFileSync(path.join(root, "tools", "pulumi", "version"), "utf8").trim();
}

/**
 * A Pulumi on PATH that is new enough and can run Node programs.
 *
 * @param {string} minimum
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<string | undefined>} its path
 */
export async function presentPulumi(minimum, env = process.env) {
    const pulumi = findProgram("pulumi", env["PATH"]);
    if (pulumi === undefined) return undefined;
    const reachable = `${path.dirname(pulumi)}${path.delimiter}${env["PATH"] ?? ""}`;
    for (const name of ["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"]) {
        if (findProgram(name, reachable) === undefined) return undefined;
    }
    const { code, output } = await run([pulumi, "version"], { env: { PULUMI_SKIP_UPDATE_CHECK: "1" } });
    const version = code === 0 ? findVersion(output.replace(/^v/, "")) : undefined;
    return version !== undefined && isAtLeast(version, minimum) ? pulumi : undefined;
}

/**
 * Builds the CLI from the Go modules that tools/pulumi/cli pins.
 *
 * @param {{ root: string; cache: string; version: string; folder: string; say: (line: string) => void }} options
 */
async function buildPulumi({ root, cache, version, folder, say }) {
    const go = await needTool("go", `Pulumi ${version} is not on PATH and could not be downloaded, so it has to be built`, say);
    say(`building Pulumi ${version} from its Go modules (once on this machine, about 5 minutes)`);
    // Go's own build cache would keep a gigabyte that nobody needs again; this one lasts until the build succeeds.
    const buildCache = path.join(cache, "go-build");
    const variable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
    await runOrFail(
        [go, "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", `-s -w -X ${variable}=v${version}`]
            .concat("-o", path.join(folder, "pulumi"), "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"),
        {
            cwd: path.join(root, "tools", "pulumi", "cli"),
            env: { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off", GOCACHE: buildCache },
            onLine: say,
            nextStep: "check that the Go module proxy is reachable, or put Pulumi on PATH: curl -fsSL https://get.pulumi.com | sh",
        },
    );
    const built = findVersion((await runOrFail([path.join(folder, "pulumi"), "version"])).replace(/^v/, ""));
    if (built !== version) {
        throw new SetupFailure(`tools/pulumi/cli builds Pulumi ${built ?? "?"}, but tools/pulumi/version says ${version}`, "make the two name the same version");
    }
    writeFileSync(path.join(folder, BUILT_HERE), "");
    rmSync(buildCache, { recursive: true, force: true });
}

/**
 * Makes the CLI ready. Needs node_modules: the language host is bundled with a package from there.
 *
 * @param {{ root: string; cache: string; say: (line: string) => void; env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>} path of `pulumi`; its plugins lie beside it or on PATH
 */
export async function ensurePulumi({ root, cache, say, env = process.env }) {
    const version = pinnedPulumi(root);
    const present = await presentPulumi(version, env);
    if (present !== undefined) return present;
    const folder = await installOnce(
        cache,
        `pulumi-${version}`,
        async (partial) => {
            if (await downloadPulumi(version, partial, say)) return;
            await buildPulumi({ root, cache, version, folder: partial, say });
            await installLanguageHost(root, partial);
        },
        () => say("another set-up is installing it"),
    );
    if (existsSync(path.join(folder, BUILT_HERE))) await installLanguageHost(root, folder);
    return path.join(folder, "pulumi");
}
