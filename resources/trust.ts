// The stack's trust configuration, read where configuration is reliably there: in the program.

import * as pulumi from "@pulumi/pulumi";

/**
 * `authentic:trust` of the stack, as it was written; `{}` where there is none.
 * It is an input of every resource that appraises evidence, so that a changed policy shows in preview
 * and is applied by the next `up`.
 */
export function stackTrust(): Record<string, unknown> {
    return new pulumi.Config("authentic").getObject<Record<string, unknown>>("trust") ?? {};
}
