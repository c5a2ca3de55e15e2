// Makes the vectors of the protocol from fixed values, so that every implementation is tested against the same bytes.
//
//   node dist/test/vectors/generate.js            writes test/vectors/*.json
//   node dist/test/vectors/generate.js --check    fails if a file is not what this program makes
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { toJson, type VectorFile } from "./fixed";
import { vectorFiles } from "./files";

/** The folder of the files, seen from dist/test/vectors. */
export const VECTOR_FOLDER = path.resolve(__dirname, "..", "..", "..", "test", "vectors");

/** The text of a file of vectors. */
export const render = (file: VectorFile): string => `${JSON.stringify(toJson(file), undefined, 2)}\n`;

/**
 * Files that are not current.
 *
 * @param folder - of the vectors
 */
export function stale(folder = VECTOR_FOLDER): string[] {
    return Object.entries(vectorFiles).flatMap(([name, make]) => {
        const file = path.join(folder, `${name}.json`);
        return existsSync(file) && readFileSync(file, "utf8") === render(make()) ? [] : [file];
    });
}

if (require.main === module) {
    if (process.argv.includes("--check")) {
        const files = stale();
        for (const file of files) console.error(`not current: ${file}; run node dist/test/vectors/generate.js`);
        process.exitCode = files.length === 0 ? 0 : 1;
    } else {
        for (const [name, make] of Object.entries(vectorFiles)) writeFileSync(path.join(VECTOR_FOLDER, `${name}.json`), render(make()));
    }
}
