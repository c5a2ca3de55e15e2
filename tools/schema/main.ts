// `npm run schema`: writes the published JSON schema of descriptors from what reads them.
import * as fs from "node:fs";
import * as path from "node:path";
import { jsonSchema } from "../../provider/application/schema";
import { packageRoot } from "../setup/toolchain";

fs.writeFileSync(path.join(packageRoot(), "schema", "application.json"), `${JSON.stringify(jsonSchema(), null, 2)}\n`);
