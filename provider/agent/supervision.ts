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

/**
 * Functions of the scripts below. `own PID WORD`: whether the process has this word in its command line. `ending PID`: whether it
 * has no memory any more, but may still have its sockets and locks.
 */
const FUNCTIONS = `
own() { [ -n "$1" ] && [ -r "/proc/$1/cmdline" ] && tr '\\0' '\\n' < "/proc/$1/cmdline" | grep -Fqx -- "$2"; }
agent() { pid=$(cat "$1/agent.pid" 2>/dev/null || :); own "$pid" "$1" && tr '\\0' '\\n' < "/proc/$pid/cmdline" | grep -Fqx run && echo "$pid" || :; }
manager() { case $1 in systemd-system) shift; systemctl "$@";; *) shift; XDG_RUNTIME_DIR=\${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user "$@";; esac; }
units() { case $1 in systemd-system) echo /etc/systemd/system;; *) echo "\${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user";; esac; }
unattended() {
    supervisor=$(cat "$1/supervisor" 2>/dev/null || echo none)
    if [ "$supervisor" = none ]; then own "$(cat "$1/loop.pid" 2>/dev/null || :)" "$1/loop" || echo "unattended the loop that starts it again has ended"
    elif ! manager "$supervisor" is-enabled "$2" >/dev/null 2>&1; then echo "unattended its unit is disabled"
    elif ! manager "$supervisor" is-active "$2" >/dev/null 2>&1; then echo "unattended its unit is not active"; fi
}
program() { tr '\\0' '\\n' < "/proc/$1/cmdline" | head -n 1; }
image() { case $(readlink "/proc/$1/exe") in */qemu-*) program "$1";; *) echo "/proc/$1/exe";; esac; }
ending() { [ -e "/proc/$1/stat" ] && [ -z "$(tr -d '\\0' < "/proc/$1/cmdline" 2>/dev/null)" ] && ! grep -Eq '^State:[[:space:]]*[ZX]' "/proc/$1/status" 2>/dev/null; }
wait_gone() { i=0; while own "$1" "$2" || ending "$1"; do i=$((i+1)); [ $i -lt 300 ] || { echo "process $1 does not end" >&2; exit 1; }; sleep 0.1; done; }
`;

/** Prints what an agent has said. */
function saidIn(folder: string): string {
    return `[ ! -e ${folder}/node.json ] || head -c 16384 ${folder}/node.json`;
}

/**
 * Prints the machine: system, processor, the folder for nodes, and who could look after agents; `lacks` for each program that it
 * does not have. `$1` folder of the deployment in that for nodes, `$2` node: prints `left` for each folder of such a node that no
 * state has. `$3` folder of a node, where there is one, and `$4` its unit: prints `runs` with SHA-256 and path of the agent's program,
 * `unattended` with the reason where nobody looks after that, and `has` with version, SHA-256 and name of each program in it.
 */
export const PROBE = `${FUNCTIONS}
root=\${XDG_STATE_HOME:-$HOME/.local/state}/pulumi-authentic
uname -s; uname -m; printf '%s\\n' "$root"
if [ "$(id -u)" = 0 ] && systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded|starting'; then echo systemd-system
elif XDG_RUNTIME_DIR=\${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user is-system-running 2>/dev/null | grep -Eq 'running|degraded|starting' \\
    && { loginctl enable-linger >/dev/null 2>&1 || loginctl show-user "$(id -un)" -p Linger 2>/dev/null | grep -Fqx Linger=yes; }; then echo systemd-user
else echo none; fi
for program in sha256sum gzip setsid flock; do command -v $program >/dev/null || echo "lacks $program"; done
if [ -z "$3" ]; then
    for folder in "$root/$1/$2"-??????; do [ -d "$folder" ] && [ ! -e "$folder/recorded" ] && echo "left \${folder##*/}" || :; done
else
    pid=$(agent "$3")
    if [ -n "$pid" ]; then
        sum=$(sha256sum < "$(image "$pid")" 2>/dev/null || :); printf 'runs %s %s\\n' "\${sum%% *}" "$(program "$pid")"
        unattended "$3" "$4"
    fi
    for program in "$3"/programs/*/authentic-*; do
        case $program in *.part|*'/authentic-*') ;; *) version=\${program%/*}; sum=$(sha256sum < "$program" 2>/dev/null || :); echo "has \${version##*/} \${sum%% *} \${program##*/}";; esac
    done
fi
`;

/** In a node's folder as long as an emulated platform or a board runs, or after it was killed. */
export const SOCKETS_LEFT: readonly string[] = ["sgx/pcs.socket", "trustzone/board.sock", "board/board.sock"];

/** `$1` folder: prints `runs` where an agent does; else `left` where one that was killed has left processes behind. */
export const STATUS = `${FUNCTIONS}
if [ -n "$(agent "$1")" ]; then echo runs
elif [ -n "$(ls -A "$1/instances" 2>/dev/null)" ]${SOCKETS_LEFT.map((socket) => ` || [ -S "$1/${socket}" ]`).join("")}; then echo left; fi
`;

/**
 * `$1` folder, `$2` unit, further words programs: prints the processor, `unattended` with the reason where nobody looks after the agent,
 * and `SHA-256 name` of each program. Nothing where no agent runs.
 */
export const RUNNING = `${FUNCTIONS}
folder=$1; unit=$2; shift 2
pid=$(agent "$folder"); [ -n "$pid" ] || exit 0
program=$(program "$pid")
uname -m
unattended "$folder" "$unit"
for name; do
    # The file may have been replaced since it was started.
    case $name in authentic-agent) file=$(image "$pid");; *) file=\${program%/*}/$name;; esac
    if [ -r "$file" ]; then sum=$(sha256sum < "$file"); echo "\${sum%% *} $name"; fi
done
`;

/**
 * `$1` folder, `$2` supervisor, `$3` unit, `$4` its text, `$5` the script, `$6` the loop, `$7` version, and name, SHA-256 and length of
 * each program that is missing; their contents, compressed, are the input. Programs are verified before anybody can start them. An
 * agent runs afterwards; one that ran before is replaced. Prints what it says of itself, or why it does not start, as soon as it does.
 */
export const START = `${FUNCTIONS}
umask 077; folder=$1 supervisor=$2 unit=$3 text=$4 run=$5 loop=$6 bin=$1/programs/$7; shift 7
mkdir -p "$bin"
if [ $# -gt 0 ]; then
    # One that was cut off may still be at it: it has names of its own.
    all=$bin/$$.part at=1
    gzip -dc > "$all" || { rm -f "$all"; exit 1; }
    while [ $# -gt 0 ]; do
        part=$bin/$1.$$.part
        tail -c "+$at" "$all" | head -c "$3" > "$part"
        found=$(sha256sum < "$part"); found=\${found%% *}
        [ "$found" = "$2" ] || { rm -f "$part" "$all"; echo "$1 arrived with SHA-256 $found instead of $2" >&2; exit 1; }
        chmod 700 "$part"; mv -f "$part" "$bin/$1"
        at=$((at+$3)); shift 3
    done
    rm -f "$all"
fi
exec 8> "$folder/start.lock"; flock 8
old=$(agent "$folder")
printf %s "$run" > "$folder/run.new"; mv -f "$folder/run.new" "$folder/run"; printf %s "$supervisor" > "$folder/supervisor"
rm -f "$folder/node.json"
case $supervisor in
none)
    running=$(cat "$folder/loop.pid" 2>/dev/null || :)
    if own "$running" "$folder/loop"; then [ -z "$old" ] || kill -9 "$old" 2>/dev/null || :
    else
        [ -z "$old" ] || { kill -9 "$old" 2>/dev/null || :; wait_gone "$old" "$folder"; }
        printf %s "$loop" > "$folder/loop"
        setsid sh "$folder/loop" "$folder" </dev/null >/dev/null 2>&1 8>&- &
    fi;;
*)
    units=$(units "$supervisor"); mkdir -p "$units"; printf %s "$text" > "$units/$unit"
    [ -z "$old" ] || kill -9 "$old" 2>/dev/null || :
    manager "$supervisor" daemon-reload; manager "$supervisor" enable "$unit" >/dev/null 2>&1
    manager "$supervisor" restart "$unit" 8>&-;;
esac
[ -z "$old" ] || wait_gone "$old" "$folder"
i=0; while [ ! -s "$folder/node.json" ] && [ $i -lt 200 ]; do i=$((i+1)); sleep 0.05; done
${saidIn('"$folder"')}
`;

/** `$1` folder: prints what its agent says of itself, or why it did not start. */
export const SAID = saidIn('"$1"');

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

/** `$1` folder, `$2` version to keep; what was cut off while it arrived goes as well. */
export const TIDY = `
rm -f "$1/programs/$2"/*.part
for old in "$1"/programs/*; do case $old in */"$2"|*/'*') ;; *) rm -rf "$old";; esac; done
`;
