// Who looks after an agent on another machine: systemd where it runs, else a loop in a session of its own. Either starts an
// agent again that was killed, and leaves the module hosts alone.
import { quoted } from "../ssh/shell";

/** `none`: a loop. */
export type Supervisor = "systemd-system" | "systemd-user" | "none";

/** What an agent is started with. */
export interface AgentCommand {
    /** Of the node, absolute. */
    readonly folder: string;
    /** With the programs, absolute. */
    readonly programs: string;
    readonly node: string;
    /** `address:port`. */
    readonly listen: string;
    readonly sgx?: "hardware" | "emulated";
}

/** The script `run` in a node's folder, which becomes the agent. Whoever changes it and ends the agent has replaced it. */
export function runScriptOf({ folder, programs, node, listen, sgx }: AgentCommand): string {
    const words = [`${programs}/authentic-agent`, "run", "--folder", folder, "--node", node, "--listen", listen, ...(sgx === undefined ? [] : ["--sgx", sgx])];
    return `#!/bin/sh\n# Runs the agent of node ${node}. Written by pulumi-authentic.\nexec env -i PATH="$PATH" HOME="$HOME" ${words.map(quoted).join(" ")}\n`;
}

/** Name of the unit of a node's folder. */
export function unitName(folder: string): string {
    return `authentic-${folder.split("/").slice(-2).join("-").replace(/[^A-Za-z0-9_.-]/g, "_")}.service`;
}

/**
 * The unit of an agent (systemd.service(5), systemd.kill(5)). Stopping or restarting it ends the agent alone: module hosts go on,
 * and the next agent adopts them. To end them as well, remove the node, or call the agent's `POST /v1/shutdown`.
 */
export function unitText(node: string, folder: string, supervisor: Exclude<Supervisor, "none">): string {
    return [
        "[Unit]", `Description=Agent of node ${node} (pulumi-authentic)`, ...(supervisor === "systemd-system" ? ["After=network-online.target", "Wants=network-online.target"] : []),
        "StartLimitIntervalSec=0", "",
        "[Service]", "Type=exec", `ExecStart=/bin/sh "${folder.replaceAll("%", "%%")}/run"`, "KillMode=process", "KillSignal=SIGKILL", "Restart=on-failure", "RestartSec=1", "OOMScoreAdjust=-100", "",
        "[Install]", `WantedBy=${supervisor === "systemd-system" ? "multi-user.target" : "default.target"}`, "",
    ].filter((line) => supervisor === "systemd-system" || !line.startsWith("OOMScoreAdjust")).join("\n");
}

/** The loop: `$1` is the node's folder. It ends with an agent that was told to end. */
export const LOOP = `#!/bin/sh
# Starts the agent of this folder again when it ends without being told to. Written by pulumi-authentic.
folder=$1
exec 9> "$folder/loop.lock"
flock -n 9 || exit 0
echo $$ > "$folder/loop.pid"
while :; do
    sh "$folder/run" </dev/null >/dev/null 2>&1 9>&- && break
    [ -e "$folder/run" ] || break
    sleep 1 9>&-
done
rm -f "$folder/loop.pid"
`;

/** Functions of the scripts below. `own PID WORD`: whether the process has this word in its command line. */
const FUNCTIONS = `
own() { [ -n "$1" ] && [ -r "/proc/$1/cmdline" ] && tr '\\0' '\\n' < "/proc/$1/cmdline" | grep -Fqx -- "$2"; }
agent() { pid=$(cat "$1/agent.pid" 2>/dev/null || :); own "$pid" "$1" && tr '\\0' '\\n' < "/proc/$pid/cmdline" | grep -Fqx run && echo "$pid" || :; }
manager() { case $1 in systemd-system) shift; systemctl "$@";; *) shift; XDG_RUNTIME_DIR=\${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user "$@";; esac; }
units() { case $1 in systemd-system) echo /etc/systemd/system;; *) echo "\${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user";; esac; }
wait_gone() { i=0; while own "$1" "$2"; do i=$((i+1)); [ $i -lt 300 ] || { echo "process $1 does not end" >&2; exit 1; }; sleep 0.1; done; }
`;

/** Prints the machine: system, processor, the folder for nodes, and who could look after agents. */
export const PROBE = `
uname -s; uname -m; printf '%s\\n' "\${XDG_STATE_HOME:-$HOME/.local/state}/pulumi-authentic"
if [ "$(id -u)" = 0 ] && systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded|starting'; then echo systemd-system
elif XDG_RUNTIME_DIR=\${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user is-system-running 2>/dev/null | grep -Eq 'running|degraded|starting' \\
    && { loginctl enable-linger >/dev/null 2>&1 || loginctl show-user "$(id -un)" -p Linger 2>/dev/null | grep -Fqx Linger=yes; }; then echo systemd-user
else echo none; fi
for program in sha256sum gzip setsid flock; do command -v $program >/dev/null || echo "$program"; done
`;

/** `$1` folder: prints the agent's program; nothing where none runs. */
export const STATUS = `${FUNCTIONS}
pid=$(agent "$1"); if [ -n "$pid" ]; then tr '\\0' '\\n' < "/proc/$pid/cmdline" | head -n 1; fi
`;

/**
 * `$1` folder, `$2` supervisor, `$3` unit, `$4` its text, `$5` the script, `$6` the loop: an agent runs under it afterwards; one that
 * ran before is replaced.
 */
export const START = `${FUNCTIONS}
umask 077; folder=$1
# One that was cut off may still be at it.
exec 8> "$folder/start.lock"; flock 8
old=$(agent "$folder")
printf %s "$5" > "$folder/run.new"; mv -f "$folder/run.new" "$folder/run"; printf %s "$2" > "$folder/supervisor"
rm -f "$folder/node.json"
case $2 in
none)
    loop=$(cat "$folder/loop.pid" 2>/dev/null || :)
    if own "$loop" "$folder/loop"; then [ -z "$old" ] || kill -9 "$old" 2>/dev/null || :
    else
        [ -z "$old" ] || { kill -9 "$old" 2>/dev/null || :; wait_gone "$old" "$folder"; }
        printf %s "$6" > "$folder/loop"
        setsid sh "$folder/loop" "$folder" </dev/null >/dev/null 2>&1 8>&- &
    fi;;
*)
    units=$(units "$2"); mkdir -p "$units"; printf %s "$4" > "$units/$3"
    manager "$2" daemon-reload; manager "$2" enable "$3" >/dev/null 2>&1
    manager "$2" restart "$3";;
esac
[ -z "$old" ] || wait_gone "$old" "$folder"
`;

/** `$1` folder, `$2` unit: ends the agent alone, and whoever would start it again. */
export const STOP = `${FUNCTIONS}
folder=$1; supervisor=$(cat "$folder/supervisor" 2>/dev/null || echo none); old=$(agent "$folder")
case $supervisor in
none) loop=$(cat "$folder/loop.pid" 2>/dev/null || :); if own "$loop" "$folder/loop"; then kill -9 "$loop"; wait_gone "$loop" "$folder/loop"; fi; rm -f "$folder/loop.pid"; old=$(agent "$folder");;
*) manager "$supervisor" stop "$2" || :;;
esac
if [ -n "$old" ]; then kill -9 "$old" 2>/dev/null || :; wait_gone "$old" "$folder"; fi
`;

/** `$1` folder, `$2` unit: removes what nothing runs in any more, and the folders above where they are empty. */
export const REMOVE = `${FUNCTIONS}
folder=$1; supervisor=$(cat "$folder/supervisor" 2>/dev/null || echo none)
case $supervisor in
systemd-*) manager "$supervisor" disable "$2" >/dev/null 2>&1 || :; rm -f "$(units "$supervisor")/$2"; manager "$supervisor" daemon-reload || :;;
esac
rm -rf "$folder"; above=\${folder%/*}; rmdir "$above" 2>/dev/null || :; rmdir "\${above%/*}" 2>/dev/null || :
`;

/** In a node's folder as long as an emulated platform or a board runs, or after it was killed. */
export const SOCKETS_LEFT: readonly string[] = ["sgx/pcs.socket", "trustzone/board.sock", "board/board.sock"];

/** `$1` folder: prints `left` where a killed agent has left processes behind. */
export const LEFT = `
if [ -n "$(ls -A "$1/instances" 2>/dev/null)" ]${SOCKETS_LEFT.map((socket) => ` || [ -S "$1/${socket}" ]`).join("")}; then echo left; fi
`;

/** `$1` folder, `$2` version, `$3` program, `$4` its SHA-256; its content, compressed, is the input. Verified before anybody can start it. */
export const INSTALL = `
umask 077; bin=$1/programs/$2; mkdir -p "$bin"
# One that was cut off may still be at it.
part=$bin/$3.$$.part
gzip -dc > "$part"
found=$(sha256sum < "$part"); found=\${found%% *}
[ "$found" = "$4" ] || { rm -f "$part"; echo "$3 arrived with SHA-256 $found instead of $4" >&2; exit 1; }
chmod 700 "$part"; mv -f "$part" "$bin/$3"
`;

/** `$1` folder, `$2` version: prints `SHA-256 name` of each program that is there. */
export const INSTALLED = `
cd "$1/programs/$2" 2>/dev/null || exit 0
for program in authentic-*; do case $program in *.part|'authentic-*') ;; *) sum=$(sha256sum < "$program"); echo "\${sum%% *} $program";; esac; done
`;

/** `$1` folder, `$2` version to keep; what was cut off while it arrived goes as well. */
export const TIDY = `
rm -f "$1/programs/$2"/*.part
for old in "$1"/programs/*; do case $old in */"$2"|*/'*') ;; *) rm -rf "$old";; esac; done
`;

/** `$1` folder for the nodes of a deployment, `$2` node: prints the folders that no state has. */
export const UNRECORDED = `
cd "$1" 2>/dev/null || exit 0
for folder in "$2"-??????; do [ -d "$folder" ] && [ ! -e "$folder/recorded" ] && echo "$folder" || :; done
`;
