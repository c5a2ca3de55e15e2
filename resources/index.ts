// Authentic execution for Pulumi programs: `import * as ae from "pulumi-authentic"`.

export { Application, type ApplicationArgs, type Descriptor } from "./application";
export { Connection, type ConnectionArgs, type ConnectionSource, type ConnectionTarget } from "./connection";
export { Deployment, type DeploymentArgs } from "./deployment";
export { Module, type ModuleArgs } from "./module";
export type { SshArgs, SshHopArgs } from "./ssh";
export { Node, type NodeArgs, type NodePlatform } from "./node";
export { Endpoint, type EndpointKind } from "./endpoint";
export { Trigger, type TriggerArgs } from "./trigger";
