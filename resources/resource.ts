// What the resources of this package have in common.

import * as pulumi from "@pulumi/pulumi";

type Parameters = ConstructorParameters<typeof pulumi.dynamic.Resource>;

/**
 * A resource of this package.
 *
 * Pulumi keeps four stack traces for each property of a resource, to name promises that never settle, and translates each
 * through source maps. That is half of the time that a large program takes, so they stay empty; errors of the package
 * name the resource and the property themselves.
 */
export abstract class Resource extends pulumi.dynamic.Resource {
    constructor(...given: Parameters) {
        const limit = Error.stackTraceLimit;
        Error.stackTraceLimit = 0;
        try {
            super(...given);
        } finally {
            Error.stackTraceLimit = limit;
        }
    }
}
