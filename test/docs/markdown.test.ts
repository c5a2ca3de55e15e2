// What the tests of the documentation rest on.
import assert from "node:assert/strict";
import { blocksOf, missingLine } from "./markdown";

describe("code blocks of Markdown", () => {
    it("are found with language, note and line, wherever they stand", () => {
        assert.deepEqual(blocksOf("a\n\n```sh fails\nx\n```\n\n- b\n\n  ```c file.c\n  int y;\n  ```\n\n<!--\n```sh\nhidden\n```\n-->\n"), [
            { language: "sh", note: "fails", content: "x\n", line: 3 },
            { language: "c", note: "file.c", content: "int y;\n", line: 9 },
        ]);
    });

    it("are shown by an output that has their lines in their order", () => {
        const output = "NAME  STATE\none   running  7\ntwo   exited (1)\n";
        assert.equal(missingLine("one … 7\ntwo exited (1)", output), undefined);
        assert.equal(missingLine("two exited (1)\none … 7", output), "one … 7");
        assert.equal(missingLine("one … 8", output), "one … 8");
        assert.equal(missingLine("two exited .1.", output), "two exited .1.");
    });
});
