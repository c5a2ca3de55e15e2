// The valve of the example on a board of a test: loaded with its driver, keyed by a deployer, and moved by events.
import { randomBytes } from "node:crypto";
import path from "node:path";
import { packageFolder } from "../../../provider/build/folders";
import { sancusModuleKey, sancusVendorKey, sancusVerifyTag } from "../../../provider/crypto/sancus-keys";
import { sealCompact } from "../../../provider/protocol/compact-frame";
import { KIND, type ConnectionKey } from "../../../provider/protocol/keys";
import { PURPOSE } from "../../../provider/protocol/m1";
import { encodeUpdate, type TableRecord } from "../../../provider/protocol/records";
import { decodeS2, encodeS1, encodeSancusActivate, provisioningKey, s4, sealS3 } from "../../../provider/protocol/sancus-session";
import { decodeStatus, type CipherSuite, type Status } from "../../../provider/protocol/status";
import { decodeSancusImage, type SancusImage } from "../../../provider/tee/sancus/image";
import { sancus } from "../../../provider/tee/sancus/sancus";
import type { Build, Freshness } from "../../../provider/tee/tee";
import type { BoardModule, Output } from "./bridge";

export const NODE_KEY = Buffer.from("00112233445566778899aabbccddeeff", "hex");
export const VENDOR = 0x1234;
const DEPLOYMENT = new Uint8Array(16).fill(1);
export const INSTANCE = new Uint8Array(16).fill(2);
const CONNECTION = 0x11223344;

/** Records of a board (runtime/kit/ports/sancus/step.c). */
export const IN = { message: 1, frame: 2, reseal: 3, trigger: 4 } as const;
export const OUT = { reply: 1, frame: 2, processed: 6, refused: 7, connection: 8, failed: 9, log: 10, blocked: 12 } as const;

/** What a deployer sent, byte for byte: what an attacker on the line has recorded. */
export type Recording = { readonly kind: number; readonly argument: number; readonly body: Uint8Array }[];

export class Tap {
    readonly recording: Recording = [];
    private readonly moduleKey: Uint8Array;
    private readonly key32 = new Uint8Array(32);
    private counter = 0;

    private constructor(readonly build: Build, readonly image: Uint8Array, readonly parts: SancusImage["parts"], private readonly security: 64 | 128) {
        const nodeKey = NODE_KEY.subarray(0, security / 8);
        this.moduleKey = sancusModuleKey(sancusVendorKey(new Uint8Array(nodeKey), VENDOR), (parts[0] as SancusImage["parts"][number]).identity);
        this.key32.set(randomBytes(security / 8));
    }

    static async build(freshness: Freshness, security: 64 | 128 = 128): Promise<Tap> {
        const source = path.join(packageFolder(), "examples", "smart-irrigation", "modules", "valve.c");
        const build = await sancus.build({ name: "tap", sources: [source], board: { security, freshness, vendorId: VENDOR, slot: 0, devices: { tap: "P3" } } });
        const { image } = sancus.finalize(build, { deployment: DEPLOYMENT, instance: INSTANCE, deployerKey: new Uint8Array(32), values: {} });
        return new Tap(build, image, decodeSancusImage(image).parts, security);
    }

    endpoint(name: string): number {
        return this.build.interface.findIndex((one) => one.name === name);
    }

    private async tell(board: BoardModule, kind: number, argument: number, body: Uint8Array): Promise<Output[]> {
        this.recording.push({ kind, argument, body });
        return board.step(kind, argument, body);
    }

    /** S1 and S2. */
    async attest(board: BoardModule, purpose: 1 | 2 = PURPOSE.attest): Promise<{ status: Status; nonceD: Uint8Array; nonceM: Uint8Array }> {
        const nonceD = new Uint8Array(randomBytes(16));
        const s1 = encodeS1(this.moduleKey, { purpose, nonceD });
        const [reply] = await this.tell(board, IN.message, 1, s1);
        const { nonceM, status } = decodeS2(this.moduleKey, s1, new Uint8Array(reply?.body ?? []));
        return { status: decodeStatus(status), nonceD, nonceM };
    }

    /** Grants the port and keys the input, as the provider does. @param at - is told of each message before it is sent */
    async key(board: BoardModule, at: (message: "s1" | "s3" | "activate") => Promise<void> = () => Promise.resolve()): Promise<Output[]> {
        await at("s1");
        const { status, nonceD, nonceM } = await this.attest(board, PURPOSE.configure);
        const p = provisioningKey(this.moduleKey, nonceD, nonceM);
        const measurement = new Uint8Array(32);
        measurement.set(sancusVerifyTag(this.security, (this.parts[1] as SancusImage["parts"][number]).identity));
        const keyLength = this.security === 64 ? 8 : 16;
        const rotates = status.connections.length > 0;
        const records: TableRecord[] = [
            ...rotates ? [] : [{ type: "grant", endpoint: this.endpoint("tap"), measurement, incarnation: status.incarnation } as const],
            {
                type: "set", connection: CONNECTION, endpoint: this.endpoint("set"), direction: 2, delivery: 1, suite: this.suite, reset: false, window: 4, epoch: rotates ? 2n : 1n,
                key: this.key32.slice(0, keyLength), firstCounter: rotates ? 0n : 1n, lastCounter: 0xffff_ffff_ffff_ffffn,
            },
        ];
        const s3 = sealS3(p, nonceD, nonceM, encodeUpdate({ incarnation: status.incarnation, generation: status.generation, records }, keyLength));
        await at("s3");
        const replies = await this.tell(board, IN.message, 2, s3);
        await at("activate");
        return [...replies, ...await this.tell(board, IN.message, 3, encodeSancusActivate(p, s4(p, s3)))];
    }

    private get suite(): CipherSuite {
        return this.security === 64 ? 4 : 3;
    }

    /** The frame of the next event for the tap, without its length. */
    frame(open: 0 | 1): Uint8Array {
        const key: ConnectionKey = { deployment: DEPLOYMENT, connection: CONNECTION, epoch: 1n, suite: this.suite, key32: this.key32 };
        this.counter += 1;
        return sealCompact(key, KIND.event, this.counter, Uint8Array.of(open, 1)).subarray(2);
    }

    move(board: BoardModule, open: 0 | 1): Promise<Output[]> {
        return this.tell(board, IN.frame, 0, this.frame(open));
    }
}

/** The levels that the board drives at the tap's port, as its bridge saw them; undefined where it never drove any. */
export async function driven(board: BoardModule): Promise<number | undefined> {
    await board.call({ type: "status" }); // notices come before the answer to a later call
    return board.notices.filter(({ type }) => type === "port").map(({ value }) => Number(value)).at(-1);
}
