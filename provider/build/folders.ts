// Where the builder finds the kit and keeps what it built.
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { AuthenticError } from "../errors";

/**
 * The per-user cache outside the work tree: `AUTHENTIC_CACHE`, else `pulumi-authentic` in the XDG cache folder.
 * tools/setup installs Zig into the same folder.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
    if (env["AUTHENTIC_CACHE"]) return path.resolve(env["AUTHENTIC_CACHE"]);
    const xdg = env["XDG_CACHE_HOME"];
    // The XDG specification has relative paths ignored.
    return path.join(xdg && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), ".cache"), "pulumi-authentic");
}

/** The package's folder: the nearest one above this file with a package.json. */
export function packageFolder(): string {
    let folder = __dirname;
    while (!existsSync(path.join(folder, "package.json"))) {
        const parent = path.dirname(folder);
        if (parent === folder) throw new AuthenticError("AE-PACKAGE-INCOMPLETE", "the package has no package.json", "install pulumi-authentic again");
        folder = parent;
    }
    return folder;
}

/**
 * The module kit's folder: `AUTHENTIC_KIT`, else the package's own. Its content is part of every measurement.
 *
 * @throws AuthenticError `AE-BUILD-KIT` if there is none
 */
export function kitFolder(env: NodeJS.ProcessEnv = process.env): string {
    const chosen = env["AUTHENTIC_KIT"];
    const folder = chosen ? path.resolve(chosen) : path.join(packageFolder(), "runtime", "kit");
    if (!existsSync(path.join(folder, "include", "authentic.h"))) {
        throw new AuthenticError("AE-BUILD-KIT", `there is no module kit in ${folder}`,
            chosen ? "set AUTHENTIC_KIT to the folder of a kit, or unset it" : "install pulumi-authentic again");
    }
    return folder;
}

/** The Zig version that a kit is built with. */
export function zigVersion(kit: string): string {
    return readFileSync(path.join(kit, "zig-version"), "utf8").trim();
}
