// Programs that set-up needs and cannot build. On Debian as root they are installed with apt-get;
// otherwise the failure names the package and the exact command. The list is prerequisites.json.
import { existsSync, readFileSync } from "node:fs";
import { SetupFailure } from "./failure.mjs";
import { findProgram, runOrFail } from "./process.mjs";

/** @typedef {{ debian?: string[]; otherwise: string }} Tool */
/** @typedef {{ debian: string; provides: string; why: string }} Package */
/** @typedef {{ tools: Record<string, Tool>; packages: Record<string, Package[]> }} List */

/** @type {List} */
const LIST = JSON.parse(readFileSync(new URL("prerequisites.json", import.meta.url), "utf8"));

/**
 * What the machine allows; a parameter so that tests can play other machines.
 *
 * @typedef {object} Machine
 * @property {boolean} debian has apt-get
 * @property {boolean} root
 * @property {(packages: string[], say: (line: string) => void) => Promise<void>} install
 */

/** @returns {Machine} */
export function thisMachine() {
    return {
        debian: existsSync("/etc/debian_version") && findProgram("apt-get") !== undefined,
        root: process.getuid?.() === 0,
        async install(packages, say) {
            const options = { env: { DEBIAN_FRONTEND: "noninteractive" }, onLine: say };
            await runOrFail(["apt-get", "update", "-q"], options);
            await runOrFail(["apt-get", "install", "-q", "-y", "--no-install-recommends", ...packages], options);
        },
    };
}

/**
 * @param {string[]} packages Debian names
 * @param {Machine} machine
 */
function installCommand(packages, machine) {
    return `${machine.root ? "" : "sudo "}apt-get install -y ${packages.join(" ")}`;
}

/**
 * The path of a program that set-up needs, installed first where that is possible.
 *
 * @param {string} name a key of `tools` in prerequisites.json
 * @param {string} why what needs it, for the message
 * @param {(line: string) => void} say
 * @param {Machine} [machine]
 * @param {() => Promise<string | undefined>} [find] finds a usable one; on PATH by default
 * @returns {Promise<string>}
 * @throws {SetupFailure} naming the program and the command that installs it
 */
export async function needTool(name, why, say, machine = thisMachine(), find = () => Promise.resolve(findProgram(name))) {
    const tool = LIST.tools[name];
    if (tool === undefined) throw new Error(`prerequisites.json does not know ${name}`);
    const found = await find();
    if (found !== undefined) return found;
    const packages = tool.debian ?? [];
    if (machine.debian && machine.root && packages.length > 0) {
        say(`installing ${packages.join(" ")}`);
        await machine.install(packages, say);
        const installed = await find();
        if (installed !== undefined) return installed;
    }
    const nextStep = machine.debian && packages.length > 0 ? installCommand(packages, machine) : tool.otherwise;
    throw new SetupFailure(`${name} is missing; ${why}`, nextStep);
}

/**
 * Installs the Debian packages a command needs, where missing.
 *
 * @param {string} command a key of `packages` in prerequisites.json
 * @param {(line: string) => void} say
 * @param {Machine} [machine]
 * @param {List["packages"]} [list]
 * @throws {SetupFailure} naming the packages where they cannot be installed from here
 */
export async function needPackages(command, say, machine = thisMachine(), list = LIST.packages) {
    const missing = (list[command] ?? []).filter(({ provides }) =>
        provides.startsWith("/") ? !existsSync(provides) : findProgram(provides) === undefined,
    );
    if (missing.length === 0) return;
    const packages = missing.map(({ debian }) => debian);
    if (machine.debian && machine.root) {
        say(`installing ${packages.join(" ")}`);
        await machine.install(packages, say);
        return;
    }
    const reasons = missing.map(({ debian, provides, why }) => `${debian} (${provides}): ${why}`).join("; ");
    throw new SetupFailure(
        `\`npm run ${command}\` needs ${reasons}`.replace("npm run test", "npm test"),
        machine.debian ? installCommand(packages, machine) : `install what provides ${missing.map(({ provides }) => provides).join(", ")}`,
    );
}
