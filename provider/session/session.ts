// The types of the deployer's side of sessions: what the lifecycles give to the driver and what they get back.
// docs/protocol.md sections 4 and 6; the driver itself is made by `createDriver` in ./driver.
//
// Bytes are `Uint8Array`s of the lengths the specification gives. Everything in a result is plain JSON, fit for
// resource outputs: 64-bit integers are decimal strings, bytes are lower-case hexadecimal. No result holds a key.

/** Messages of the deployer to a module (docs/agent-api.md). */
export type MessageType = "m1" | "m3" | "activate" | "command" | "prepare" | "abort" | "release" | "accept" | "offer";

/** A module's answer, as the untrusted agent carried it. */
export type Reply =
    | { readonly type: "m2"; readonly body: Uint8Array; readonly evidence: { readonly type: number; readonly body: Uint8Array } }
    | {
          readonly type: "m4" | "activated" | "result" | "prepared" | "aborted" | "released" | "accepted" | "offered";
          readonly body: Uint8Array;
      }
    | { readonly type: "refused"; readonly code: number };

/** A way to one module instance: one protocol message, one reply. `AgentClient.channel` makes one. */
export interface Channel {
    /**
     * Carries one message.
     *
     * @throws AuthenticError `AE-AGENT-UNREACHABLE`, `AE-INSTANCE-UNKNOWN`, `AE-INSTANCE-FAILED` or another
     *   `AE-AGENT-…`; none of them proves anything about the module
     */
    send(type: MessageType, body: Uint8Array): Promise<Reply>;
}

/** Who owns a deployment. */
export interface Deployer {
    /** The deployment id, 16 bytes. */
    readonly deployment: Uint8Array;
    /** Ed25519 secret key (seed), 32 bytes; from a Pulumi secret, never logged. */
    readonly secretKey: Uint8Array;
}

/** How strong a proof of a module's identity was, weakest first. */
export type Assurance = "none" | "emulated" | "hardware";

/** What the relying party has to judge: one piece of fresh evidence. */
export interface EvidenceToAppraise {
    /** Name of the module instance, for messages. */
    readonly instance: string;
    /** Evidence type of protocol.md section 4: 0 none, 1 SGX DCAP quote, 2 PSA token, … */
    readonly evidenceType: number;
    /** The evidence itself, from outside. */
    readonly evidence: Uint8Array;
    /** What the evidence must bind at full width, 64 bytes, computed from this session's messages. */
    readonly reportData: Uint8Array;
    /** The measurement the evidence must show, 32 bytes. */
    readonly measurement: Uint8Array;
    /** The node's declared backend, which chooses the roots of trust. */
    readonly backend: string;
}

/** What an accepted piece of evidence is worth. */
export interface Appraisal {
    readonly assurance: Assurance;
    /** Facts for resource outputs (TCB status, platform identity, …), plain JSON. */
    readonly facts?: Readonly<Record<string, unknown>>;
}

/**
 * Judges evidence. For evidence type 0 the driver has already compared evidence and report data; the callback
 * decides whether a module nothing vouches for is acceptable.
 *
 * @throws AuthenticError when the evidence is refused; the session ends there
 */
export type Appraise = (evidence: EvidenceToAppraise) => Promise<Appraisal>;

/** A module instance as the driver sees it. */
export interface End {
    /** The module's name in the deployment: its instance id is derived from it. */
    readonly name: string;
    readonly channel: Channel;
    /** Measurement of the image that was loaded, 32 bytes. */
    readonly measurement: Uint8Array;
    /** The node's declared backend, e.g. `hardware`, `emulated`. */
    readonly backend: string;
    /** SHA-256 of the canonical trust policy, 32 bytes. */
    readonly policyHash: Uint8Array;
    readonly appraise: Appraise;
    /** Bytes of the longest message that it takes, where it hands over. */
    readonly messageRoom?: number;
    /** Of a module on a board, whose session is symmetric (docs/protocol.md section 10). */
    readonly board?: BoardKeys;
}

/** What the deployer derives for a module on a board, in memory, each time it is needed. */
export interface BoardKeys {
    /** The module key, 8 or 16 bytes; the caller clears it. */
    moduleKey(): Promise<Uint8Array>;
    /** The measurement of the driver of a device, by endpoint: as long as the key. */
    driverTag(endpoint: number): Promise<Uint8Array>;
}

export type Direction = "sender" | "receiver" | "client" | "handler" | "deployer";
export type Delivery = "strict" | "latest";
/** Cipher suites of connections, by the numbers of protocol.md section 4; 0 belongs to deployer connections. */
export type SuiteName = "none" | "chacha20-poly1305" | "aes-128-gcm" | "spongewrap-128" | "spongewrap-64";
export type InstanceState = "new" | "active" | "prepared" | "released" | "failed" | "offered";

/** One connection as a module attested it. */
export interface ConnectionFacts {
    readonly connection: number;
    readonly endpoint: number;
    readonly direction: Direction;
    readonly delivery: Delivery;
    readonly suite: SuiteName;
    readonly active: boolean;
    readonly pending: boolean;
    readonly retired: boolean;
    readonly reset: boolean;
    readonly window: number;
    /** Decimal. */
    readonly epoch: string;
    /** 16 hexadecimal digits. */
    readonly keyId: string;
    readonly pendingEpoch: string;
    readonly pendingKeyId: string;
    readonly next: string;
    readonly acknowledged: string;
    readonly gaps: string;
}

/** A module's attested status, as plain JSON. */
export interface StatusFacts {
    readonly state: InstanceState;
    /** 32 hexadecimal digits, drawn by the module at its start: another one means that its state was lost. */
    readonly incarnation: string;
    readonly generation: string;
    readonly commandNext: string;
    /** Digest of the kit and compiler, 64 hexadecimal digits. */
    readonly kit: string;
    readonly connections: readonly ConnectionFacts[];
    /** Endpoints of the devices it may write. */
    readonly grants: readonly number[];
    /** The hand-over that the module is in, or came from: `h` and the hash of the target's session, hexadecimal. */
    readonly handOver?: HandOverStatus;
}

export interface HandOverStatus {
    readonly h: string;
    readonly targetHash: string;
}

/** A hand-over from an instance of a module to its next one. */
export interface HandOver {
    readonly old: End;
    /** Just started, and nothing else. */
    readonly next: End;
    /** Moves what the untrusted hosts keep, while nothing changes: frames and routes. */
    readonly carry: () => Promise<void>;
}

/** A fresh attestation. */
export interface Attested {
    readonly status: StatusFacts;
    readonly appraisal: Appraisal;
    readonly evidenceType: number;
}

/** An end of a connection: the module and the endpoint number of the declaration it joins. */
export interface LinkEnd {
    readonly end: End;
    readonly endpoint: number;
}

/** A connection between two modules. */
export interface Link {
    /** Non-zero 32-bit number that no other connection of either end has. */
    readonly connection: number;
    /** Name for messages. */
    readonly name: string;
    /** `event`: output to input; `request`: request to handler. */
    readonly kind: "event" | "request";
    readonly delivery: Delivery;
    readonly suite: Exclude<SuiteName, "none">;
    /** Unacknowledged strict frames a sender keeps; 1 for requests. */
    readonly window: number;
    /** Sender or client. */
    readonly from: LinkEnd;
    /** Receiver or handler. */
    readonly to: LinkEnd;
}

/** A connection from the deployer to an input or handler of a module; it has no key. */
export interface DeployerLink {
    readonly connection: number;
    readonly name: string;
    readonly to: LinkEnd;
}

export interface ConnectOptions {
    /**
     * Draw a new key although the present one is in order: `drain` lets frames of the old epoch finish,
     * `compromise` closes the old epoch at once.
     */
    readonly rotate?: "drain" | "compromise";
    /** The connection has carried a key before: if neither end remembers it, the receiver sees a reset. */
    readonly previouslyKeyed?: boolean;
    /** Refuse to key an end below this assurance. */
    readonly minAssurance?: Assurance;
}

/** A connection that both ends have activated under one key. */
export interface Connected {
    /**
     * `unchanged`: was in order; `keyed`: first key; `rotated`: both ends kept their counters; `restarted`: an end had
     * lost its state, the other end saw a reset.
     */
    readonly outcome: "unchanged" | "keyed" | "rotated" | "restarted";
    /** Decimal. */
    readonly epoch: string;
    readonly keyId: string;
    /** That of the weaker end. */
    readonly assurance: Assurance;
    readonly from: EndFacts;
    readonly to: EndFacts;
}

/** What was attested of an end in the session that found or keyed the connection. */
export interface EndFacts {
    readonly incarnation: string;
    readonly assurance: Assurance;
    readonly facts: Readonly<Record<string, unknown>>;
}

/** How sure it is that an end holds no key of a connection any more. */
export interface Closed {
    /** `confirmed`: the module attested it; `unconfirmed`: the module could not be asked. */
    readonly outcome: "confirmed" | "unconfirmed";
    /** Why it is unconfirmed: code and message. */
    readonly reason?: string;
}

export interface Disconnected {
    readonly from: Closed;
    readonly to: Closed;
}

/** An end of a connection that is being deleted; without a channel it is known to be gone. */
export type ClosingEnd = End | { readonly name: string; readonly gone: string };

/** The result of a deployer's command. */
export interface CommandResult {
    /** `done`, `full` (an output has no room; nothing happened) or `refused` (by the handler). */
    readonly status: "done" | "full" | "refused";
    /** The counter that was processed, decimal. */
    readonly counter: string;
    /** Reply of a handler or entry. */
    readonly data: Uint8Array;
}

/** What the deployer has signed in a Prepare: which hand-over, from which incarnation, to what. Hexadecimal. */
export interface Intended {
    readonly h: string;
    readonly from: string;
    readonly incarnation: string;
    readonly measurement: string;
}

/**
 * The deployer's driver. Sessions with one instance never overlap within this process; every call converges: after
 * an interruption at any step, the same call again completes the work. Keys live only inside a call.
 *
 * @example
 * const driver = createDriver({ deployment, secretKey });
 * const { status } = await driver.attest(controller);
 * await driver.connect({ connection: 7, name: "moisture", kind: "event", delivery: "strict",
 *     suite: "chacha20-poly1305", window: 64, from: { end: probe, endpoint: 0 }, to: { end: controller, endpoint: 0 } });
 */
export interface SessionDriver {
    /**
     * Attests a module with a fresh nonce and reads its status. Changes nothing.
     *
     * @throws AuthenticError when the channel fails, the module refuses or the evidence is refused
     */
    attest(end: End): Promise<Attested>;

    /** Draws a connection number that none of these ends knows, for where {@link connect} finds the connection's own taken. */
    freeConnection(ends: readonly End[]): Promise<number>;

    /**
     * Makes both ends hold one active key: first keying, repair after a restart, completion, rotation. An end that holds
     * the number at the very same endpoint has it from an attempt that was broken off, which is completed.
     *
     * @throws AuthenticError `AE-SESSION-LINK` where an end holds the number for another connection; nothing was changed
     */
    connect(link: Link, options?: ConnectOptions): Promise<Connected>;

    /**
     * Closes a connection at both ends. An end that is gone or does not answer gives `unconfirmed`, not an error.
     *
     * @throws AuthenticError `AE-SSH-…` where an end's machine cannot be reached: it can be closed later
     */
    disconnect(connection: number, from: ClosingEnd, to: ClosingEnd): Promise<Disconnected>;

    /** Lets the deployer send to an input or ask a handler. Idempotent. */
    connectDeployer(link: DeployerLink): Promise<Attested>;

    /** Closes a deployer connection. */
    disconnectDeployer(connection: number, to: ClosingEnd): Promise<Closed>;

    /** Makes the set of devices a module may write exactly `endpoints`: grants and revokes what differs. */
    setGrants(end: End, endpoints: readonly number[]): Promise<Attested>;

    /** Sends an event to the input of a deployer connection, exactly once within the module's incarnation. */
    send(link: DeployerLink, data: Uint8Array): Promise<CommandResult>;

    /** Asks the handler of a deployer connection, exactly once; the reply is `data`. */
    request(link: DeployerLink, data: Uint8Array): Promise<CommandResult>;

    /** Hands a module's state and connections over to its next instance. @throws AuthenticError; then see the others */
    handOver(handOver: HandOver): Promise<void>;

    /** Lets an instance that was prepared go on. */
    abortHandOver(old: End): Promise<void>;

    /**
     * Gives the next instance the keys that the old one has released.
     *
     * @param handOver - as the next instance attests it
     * @param from - the old instance, or its reply to Release
     */
    completeHandOver(next: End, handOver: HandOverStatus, from: { readonly old: End } | { readonly released: Uint8Array }): Promise<void>;

    /** Whom a message, kept by somebody who is not trusted, was meant to hand over to; undefined where it is not the deployer's. */
    intendedTarget(message: { readonly prepare: Uint8Array } | { readonly offer: Uint8Array }): Intended | undefined;

    /** Calls an entry with authentication, exactly once. */
    call(target: LinkEnd, data: Uint8Array): Promise<CommandResult>;
}
