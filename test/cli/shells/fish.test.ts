// Completion in fish.
import { completes } from "./shell";

describe("completion", function () {
    this.timeout(60_000);

    it("works in fish", function () {
        if (!completes("fish", ["--no-config", "-c"], 'authentic completion fish | source; complete -C "authentic mea"')) this.skip();
    });
});
