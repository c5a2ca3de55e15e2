// Completion in zsh.
import { completes } from "./shell";

describe("completion", function () {
    this.timeout(60_000);

    it("works in zsh", function () {
        if (!completes("zsh", ["-f", "-c"], 'autoload -Uz compinit; compinit -u -D; source <(authentic completion zsh); _describe() { print -l -- ${(P)2} }; words=(authentic mea); CURRENT=2; _authentic')) this.skip();
    });
});
