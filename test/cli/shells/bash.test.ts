// Completion in bash.
import { completes } from "./shell";

describe("completion", function () {
    this.timeout(60_000);

    it("works in bash", function () {
        if (!completes("bash", ["-c"], 'source <(authentic completion bash); COMP_WORDS=(authentic mea); COMP_CWORD=1; _authentic; echo "${COMPREPLY[@]}"')) this.skip();
    });
});
