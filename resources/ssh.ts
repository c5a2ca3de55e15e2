// How a node's machine is reached over SSH.

import type * as pulumi from "@pulumi/pulumi";

/** A machine's SSH server. All of it is kept as a secret. */
export interface SshHopArgs {
    /** Name or address. */
    host: pulumi.Input<string>;
    /** Default 22. */
    port?: pulumi.Input<number>;
    /** Account that runs the agent. */
    user: pulumi.Input<string>;
    /** Content of a private key file, OpenSSH or PEM. */
    privateKey?: pulumi.Input<string>;
    /** Of the private key, where it is encrypted. */
    passphrase?: pulumi.Input<string>;
    /** Instead of a private key: the socket of an SSH agent, or `true` for that of `SSH_AUTH_SOCK`. */
    agent?: pulumi.Input<string | true>;
    /** The host's key: its fingerprint (`SHA256:…`), its public key (`ssh-ed25519 AAAA…`), or a list of them. This or `knownHosts` is needed. */
    hostKey?: pulumi.Input<string | string[]>;
    /** Content of a known_hosts file that has the host. */
    knownHosts?: pulumi.Input<string>;
    /** How often the host has to show that it is there; after three times without it the connection counts as lost. Default 15 s. */
    keepAlive?: pulumi.Input<number | string>;
    /** `connect`: of one attempt, default 10 s; `dial`: until a host that does not answer counts as unreachable, default 60 s; `command`: of one step on the host, default 2 min. */
    timeouts?: pulumi.Input<{ connect?: number | string; dial?: number | string; command?: number | string }>;
}

/** A machine's SSH server, and the machine that leads to it. */
export interface SshArgs extends SshHopArgs {
    /** A machine over which the host is reached. */
    jump?: pulumi.Input<SshHopArgs>;
    /** Deleting what is on a machine that cannot be reached succeeds, with a warning. For machines that are lost for good; default false. */
    deleteUnreachable?: pulumi.Input<boolean>;
}
