// `authentic completion`: scripts for shells. They ask `authentic complete` for candidates, so they never go out of date.

import { Argument, Command } from "commander";
import { print } from "./stack-options";

const SCRIPTS: Readonly<Record<string, string>> = {
    bash: `_authentic() {
    local IFS=$'\\n'
    COMPREPLY=($(compgen -W "$(authentic complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _authentic authentic`,
    zsh: `#compdef authentic
_authentic() {
    local -a candidates
    local candidate description
    while IFS=$'\\t' read -r candidate description; do
        candidates+=("\${candidate//:/\\\\:}:\${description}")
    done < <(authentic complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( \${#candidates} )); then _describe authentic candidates; else _files; fi
}
compdef _authentic authentic`,
    fish: `function __authentic_complete
    set -l words (commandline -opc) (commandline -ct)
    authentic complete -- $words[2..-1] 2>/dev/null
end
complete -c authentic -a '(__authentic_complete)'`,
};

/** `authentic completion SHELL`. */
export function completionCommand(): Command {
    return new Command("completion")
        .description("print a script that completes commands and options in a shell")
        .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SCRIPTS)))
        .addHelpText("after", `
Examples:
  Bash, for this session or in ~/.bashrc:
    $ source <(authentic completion bash)

  Zsh, in ~/.zshrc after compinit:
    $ source <(authentic completion zsh)

  Fish:
    $ authentic completion fish > ~/.config/fish/completions/authentic.fish`)
        .action((shell: string) => print([SCRIPTS[shell] ?? ""]));
}

/** `authentic complete -- WORD...`: candidates for the last word, with descriptions after a tab. */
export function completeCommand(program: Command): Command {
    return new Command("complete")
        .argument("[word...]", "the words so far, the last of them unfinished")
        .action((words: readonly string[]) => print(candidates(program, words).map(({ value, description }) => `${value}\t${description}`)));
}

/** Something that could stand there. */
export interface Candidate {
    readonly value: string;
    readonly description: string;
}

/**
 * What the last word could become.
 *
 * @param words - after the program's name; the last is unfinished, perhaps empty
 */
export function candidates(program: Command, words: readonly string[]): Candidate[] {
    const [first, ...rest] = words;
    const last = words.at(-1) ?? "";
    const starting = (all: readonly Candidate[]) => all.filter(({ value }) => value.startsWith(last));
    const visible = program.createHelp().visibleCommands(program);
    if (first === undefined || rest.length === 0) {
        return starting([...visible.map((one) => ({ value: one.name(), description: one.description() })), ...optionsOf(program)]);
    }
    const command = visible.find((one) => one.name() === first);
    if (command === undefined) return [];
    const before = words.at(-2);
    const expecting = command.options.find((option) => (option.long === before || option.short === before) && option.required);
    if (expecting !== undefined) return starting((expecting.argChoices ?? []).map((value) => ({ value, description: expecting.description })));
    if (last.startsWith("-")) return starting(optionsOf(command));
    return starting(command.registeredArguments.flatMap((argument) => (argument.argChoices ?? []).map((value) => ({ value, description: argument.description }))));
}

function optionsOf(command: Command): Candidate[] {
    return command.createHelp().visibleOptions(command).map(({ long, short, description }) => ({ value: long ?? short ?? "", description }));
}
