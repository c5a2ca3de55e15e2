// Values that a descriptor takes from the stack's configuration: read at once, so that everything that is not set is said together.

import * as pulumi from "@pulumi/pulumi";
import { line, refuse, type Selected } from "../provider/application/descriptor";
import type { DocumentPath } from "../provider/application/document";

/** A reference to a plain value; `type` where it could be either. */
interface Reference {
    readonly config: string;
    readonly type?: "integer" | "text";
}

/** Reads the configuration for one descriptor. */
export class Configured {
    private readonly lines: string[] = [];

    constructor(private readonly origin: Selected["origin"]) {}

    /** A value as it stands in the descriptor, or as the configuration has it. */
    plain<T extends string | number | boolean>(path: DocumentPath, value: T | Reference | undefined, type: "integer" | "text" = "text"): T | undefined {
        if (typeof value !== "object") return value;
        const wanted = value.type ?? type;
        const { config, name, full, set } = this.key(value.config);
        const text = config.get(name);
        if (text === undefined) {
            this.report(path, `needs the configuration \`${set}\`; set it with \`pulumi config set ${set} VALUE\``);
        } else if (isSecret(full)) {
            this.report(path, `takes the configuration \`${set}\`, which is a secret, but this value is public; use another key`);
        } else if (wanted === "integer" && !(/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)))) {
            this.report(path, `needs a whole number in the configuration \`${set}\`; set it with \`pulumi config set ${set} NUMBER\``);
        } else {
            return (wanted === "integer" ? Number(text) : text) as T;
        }
        return undefined;
    }

    /** A secret of the configuration; its value is never looked at. */
    secret(path: DocumentPath, value: { readonly secret: string } | undefined): pulumi.Output<string> | undefined {
        if (value === undefined) return undefined;
        const { config, name, full, set } = this.key(value.secret);
        if (config.get(name) === undefined) {
            this.report(path, `needs the secret \`${set}\`; set it with \`pulumi config set --secret ${set}\``);
            return undefined;
        }
        if (!isSecret(full)) {
            this.report(path, `the configuration \`${set}\` is not encrypted; replace it with \`pulumi config set --secret ${set}\`, and take the old value for known`);
        }
        return config.requireSecret(name);
    }

    /** @throws AuthenticError with everything that is not as it has to be */
    refuse(file: string | undefined): void {
        refuse(file, this.lines);
    }

    private report(path: DocumentPath, reason: string): void {
        this.lines.push(line(this.origin(path), { path, reason }));
    }

    private key(written: string): { config: pulumi.Config; name: string; full: string; set: string } {
        const colon = written.indexOf(":");
        const namespace = colon < 0 ? pulumi.getProject() : written.slice(0, colon);
        const name = written.slice(colon + 1);
        return { config: new pulumi.Config(namespace), name, full: `${namespace}:${name}`, set: written };
    }
}

/** Whether a value is encrypted in the stack's file; the SDK knows, but does not declare it. */
function isSecret(key: string): boolean {
    return (pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean }).isConfigSecret(key);
}
