// Evidence that is not the module's own for the deployer's challenge: the owner of an agent stands at its control socket
// and answers in the module's place. Everything shown is genuine evidence of a real enclave; it is of the wrong one.
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ed25519 } from "@noble/curves/ed25519";
import { fromHex, hex } from "../../provider/protocol/bytes";
import { encodeM1, PURPOSE } from "../../provider/protocol/m1";
import { instanceId } from "../../provider/protocol/names";
import { sgx, signedImage } from "../../provider/tee/sgx/sgx";
import type { FinalImage } from "../../provider/tee/tee";
import { call } from "./agent";
import { type Answer, Eavesdropper, type Instead } from "./eavesdropper";

/** A module as the owner of its agent knows it: nothing of this is secret. */
export interface Victim {
    /** Control socket of its agent. */
    readonly agent: string;
    readonly name: string;
    readonly instance: string;
    readonly deploymentId: string;
    readonly deployerPublicKey: string;
    readonly config: Readonly<Record<string, number | string>>;
    readonly source: readonly string[];
}

export interface Imposture {
    /** What an outsider would see happen if it worked. */
    readonly goal: string;
    /** Gets ready, and gives what is to be done with each challenge. */
    prepare(attacker: Attacker): Promise<Prepared>;
}

export interface Prepared {
    readonly instead: Instead;
    /** What the evidence says that is shown, where it is not the victim's own. */
    readonly shows: { readonly mrenclave?: string; readonly debug?: string };
}

const other = `#include <authentic.h>
AUTHENTIC_ENTRY(obey, 0) { (void)data; (void)length; authentic_log("at your service"); }
`;
const challenge = (message: { type: string }) => message.type === "m1";

/** Someone who owns the agent of the victim's node, with a vendor key of their own: anybody can sign enclaves. */
export class Attacker {
    private readonly loaded: string[] = [];
    /** Deployment and deployer's key of their own. */
    readonly deployment = new Uint8Array(randomBytes(16));
    readonly key = new Uint8Array(randomBytes(32));

    constructor(readonly victim: Victim, private readonly vendorKey: string) {}

    /** An enclave of a source with the measured configuration of a module. */
    async enclave(sources: readonly string[], measured: Partial<Parameters<typeof sgx.finalize>[1]> = {}): Promise<FinalImage> {
        const { deploymentId, instance, deployerPublicKey, config, name } = this.victim;
        return sgx.finalize(await sgx.build({ name, sources }), { deployment: fromHex("deployment", deploymentId), instance: fromHex("instance", instance), deployerKey: fromHex("deployer key", deployerPublicKey), values: config, ...measured });
    }

    /** The same of a text. */
    async enclaveOf(text: string): Promise<FinalImage> {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "impostor-"));
        try {
            const source = path.join(folder, "impostor.c");
            fs.writeFileSync(source, text);
            return await this.enclave([source], { values: {} });
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    }

    /** Runs an enclave beside the victim. @returns where it takes messages */
    async load(image: FinalImage, options: { debug?: boolean } = {}): Promise<(type: string, body: string) => Promise<Answer>> {
        const { name, deploymentId } = this.victim;
        const place = randomBytes(16).toString("hex");
        const body = { name: `${name} (impostor)`, deployment: deploymentId, tee: "sgx", image: Buffer.from(signedImage(image, this.vendorKey, options)).toString("base64"), entryTimeLimitMs: 1000, interface: [] };
        await call(this.socket(), "PUT", `/v1/instances/${place}`, body);
        this.loaded.push(place);
        return async (type, message) => (await call(this.socket(), "POST", `/v1/instances/${place}/messages`, { type, body: message })) as Answer;
    }

    /** Ends what was loaded. */
    async close(): Promise<void> {
        for (const place of this.loaded.splice(0)) await call(this.socket(), "DELETE", `/v1/instances/${place}`);
    }

    /** While an eavesdropper stands in its place, the agent's socket is elsewhere. */
    private socket(): string {
        const hidden = Eavesdropper.hidden(this.victim.agent);
        return fs.existsSync(hidden) ? hidden : this.victim.agent;
    }
}

/** An enclave of the attacker's own answers the challenge. */
async function answering(attacker: Attacker, image: FinalImage, options: { debug?: boolean } = {}): Promise<Instead> {
    const send = await attacker.load(image, options);
    return (message) => challenge(message) ? send("m1", message.body) : Promise.resolve(undefined);
}

/** All impostures by name. */
export const impostures: Readonly<Record<string, Imposture>> = {
    "other-enclave": {
        goal: "another enclave on the same machine is taken for the module",
        async prepare(attacker) {
            const image = await attacker.enclaveOf(other);
            return { instead: await answering(attacker, image), shows: { mrenclave: hex(image.measurement) } };
        },
    },
    "other-vendor": {
        goal: "the module's own code is taken for it although somebody else signed the enclave",
        async prepare(attacker) {
            const image = await attacker.enclave(attacker.victim.source);
            return { instead: await answering(attacker, image), shows: { mrenclave: hex(image.measurement) } };
        },
    },
    "debug-enclave": {
        goal: "the module's own code is taken for it in an enclave whose memory can be read with a debugger",
        async prepare(attacker) {
            const image = await attacker.enclave(attacker.victim.source);
            return { instead: await answering(attacker, image, { debug: true }), shows: { mrenclave: hex(image.measurement), debug: "enabled" } };
        },
    },
    "other-deployment": {
        goal: "the module's code, but keyed by another deployer, is taken for it",
        async prepare(attacker) {
            const { deployment, key, victim } = attacker;
            const instance = instanceId(deployment, victim.name);
            const image = await attacker.enclave(victim.source, { deployment, instance, deployerKey: ed25519.getPublicKey(key) });
            const send = await attacker.load(image);
            // That module answers its own deployer alone.
            const m1 = encodeM1({ purpose: PURPOSE.attest, deployment, instance, nonceD: randomBytes(32), policyHash: new Uint8Array(32) }, key);
            return { instead: (message) => challenge(message) ? send("m1", Buffer.from(m1).toString("base64")) : Promise.resolve(undefined), shows: { mrenclave: hex(image.measurement) } };
        },
    },
    "earlier-answer": {
        goal: "what the module answered to an earlier challenge is taken for its answer to this one",
        prepare: () => {
            let recorded: Answer | undefined;
            return Promise.resolve({
                instead: async (message: { type: string }, genuine: () => Promise<Answer>) => {
                    if (!challenge(message)) return undefined;
                    if (recorded !== undefined) return recorded;
                    recorded = await genuine();
                    return recorded;
                },
                shows: {},
            });
        },
    },
    "other-key": {
        goal: "the module's genuine evidence vouches for a key of the attacker's, to which the session keys would be sealed",
        prepare: () => Promise.resolve({
            instead: async (message: { type: string }, genuine: () => Promise<Answer>) => {
                if (!challenge(message)) return undefined;
                const answer = await genuine();
                const body = Buffer.from(answer.body ?? "", "base64");
                // nonceM32 | pkE32 | status (docs/protocol.md section 4)
                randomBytes(32).copy(body, 32);
                return { ...answer, body: body.toString("base64") };
            },
            shows: {},
        }),
    },
};

/** Challenges that an imposture lets pass first. */
export const warmUps = (name: string): number => name === "earlier-answer" ? 1 : 0;

/** Stands between deployer and agent while `work` goes on. @returns how many challenges were answered in the victim's place */
export async function standingIn(attacker: Attacker, { instead }: Prepared, work: () => Promise<void>): Promise<number> {
    const middle = await Eavesdropper.start(attacker.victim.agent);
    let answered = 0;
    middle.instead = async (message, genuine) => {
        if (message.instance !== attacker.victim.instance) return undefined;
        const answer = await instead(message, genuine);
        if (answer?.type === "m2") answered++;
        return answer;
    };
    try {
        await work();
    } finally {
        await middle.stop();
    }
    return answered;
}
