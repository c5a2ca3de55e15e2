// The entry of the shim (resources/shim.ts): the hooks of every resource, as Pulumi's dynamic provider calls them.

import { connection as connectionHooks } from "./lifecycle/connection";
import { deployment as deploymentHooks } from "./lifecycle/deployment";
import { guarded } from "./lifecycle/hooks";
import { module as moduleHooks } from "./lifecycle/module";
import { node as nodeHooks } from "./lifecycle/node";
import { trigger as triggerHooks } from "./lifecycle/trigger";

export const deployment = guarded(deploymentHooks);
export const node = guarded(nodeHooks);
export const module = guarded(moduleHooks);
export const connection = guarded(connectionHooks);
export const trigger = guarded(triggerHooks);
