// An emulated board with the bridge to it, and modules on it that the test drives itself.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RootSet, Verdict } from "../../../provider/attest/evidence";
import { parseTrust, type Trust } from "../../../provider/attest/policy";
import { packageFolder } from "../../../provider/build/folders";
import { instanceId } from "../../../provider/protocol/names";
import { publicKeyOf } from "../../../provider/protocol/signature";
import { generateDeployer, loadDeployer } from "../../../provider/session/deployer";
import { createDriver } from "../../../provider/session/driver";
import type { Deployer, End, EvidenceToAppraise } from "../../../provider/session/session";
import type { BoardSoftware, Build, FinalImage } from "../../../provider/tee/tee";
import { type Device, judgeToken, spkiOf } from "../../../provider/tee/trustzone/evidence";
import { buildBoardSoftware, writeBoardSoftware } from "../../../provider/tee/trustzone/firmware";
import { trustzone } from "../../../provider/tee/trustzone/trustzone";
import { builtProgram } from "../../../tools/setup/toolchain";
import { BoardModule } from "./board-module";
import { BridgeClient, OPERATION } from "./bridge";

export const MODULES = path.join(packageFolder(), "test", "tee", "trustzone", "modules");
const TRUST = parseTrust({ emulated: true });
const PATIENCE_MS = 60_000;

export interface ModuleOptions {
    readonly values?: Record<string, number | string>;
    readonly devices?: Record<string, string>;
    readonly limitMs?: number;
}

/** A module that runs on a board. */
export interface Loaded {
    readonly module: BoardModule;
    readonly image: FinalImage;
    readonly build: Build;
    readonly end: End;
    readonly endpoint: (name: string) => number;
}

/** Path of the bridge. */
export const binary = (): string => builtProgram("authentic-trustzone");

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export class Board {
    readonly deployer: Deployer = loadDeployer(generateDeployer());
    readonly driver = createDriver(this.deployer);
    /** Every piece of evidence so far. */
    readonly evidence: EvidenceToAppraise[] = [];
    device: Device = { implementationId: "", instanceId: "", publicKey: "", firmware: "" };
    lifecycle = 0;

    private constructor(readonly folder: string, private child: ChildProcess) {}

    static async start(software?: BoardSoftware, lifecycle = 0x3000): Promise<Board> {
        const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-board-"));
        await mkdir(path.join(folder, "trustzone"));
        const board = new Board(folder, await Board.spawn(folder, software ?? await buildBoardSoftware(), lifecycle));
        await board.ready();
        return board;
    }

    private static async spawn(folder: string, software: BoardSoftware, lifecycle: number): Promise<ChildProcess> {
        await writeBoardSoftware(software, path.join(folder, "trustzone"));
        return spawn(binary(), ["--folder", path.join(folder, "trustzone"), "--lifecycle", String(lifecycle)], { stdio: ["ignore", "ignore", "inherit"] });
    }

    private async ready(): Promise<void> {
        for (const deadline = Date.now() + PATIENCE_MS; ;) {
            assert.equal(this.child.exitCode, null, "the board ended");
            const bridge = await BridgeClient.connect(this.folder).catch(() => undefined);
            if (bridge !== undefined) {
                const { body } = await bridge.call(OPERATION.facts);
                bridge.close();
                this.device = { instanceId: hex(body.subarray(0, 33)), publicKey: hex(body.subarray(33, 98)), implementationId: hex(body.subarray(98, 130)), firmware: hex(body.subarray(130, 162)) };
                this.lifecycle = body.readUInt32LE(164);
                return;
            }
            assert.ok(Date.now() < deadline, "the board does not answer");
            await sleep(20);
        }
    }

    /** The same device again, after its power was cut. */
    async restart(software?: BoardSoftware): Promise<void> {
        await this.end();
        await rm(path.join(this.folder, "trustzone", "board.sock"), { force: true });
        this.child = await Board.spawn(this.folder, software ?? await buildBoardSoftware(), this.lifecycle);
        await this.ready();
    }

    private end(): Promise<void> {
        return new Promise((resolve) => {
            this.child.once("exit", () => resolve());
            this.child.kill("SIGKILL");
        });
    }

    async stop(): Promise<void> {
        await this.end();
        await rm(this.folder, { recursive: true, force: true });
    }

    /** How often the non-secure side was restarted after a fault. */
    async restarts(): Promise<number> {
        const bridge = await BridgeClient.connect(this.folder);
        const { body } = await bridge.call(OPERATION.facts);
        bridge.close();
        return body.readUInt32LE(192);
    }

    /** Builds a module for this deployment. */
    async image(name: string, source: string, { values = {}, devices }: ModuleOptions = {}): Promise<{ build: Build; image: FinalImage }> {
        const build = await trustzone.build({ name, sources: [path.join(MODULES, source)] });
        const instance = instanceId(this.deployer.deployment, name);
        return { build, image: trustzone.finalize(build, { deployment: this.deployer.deployment, instance, deployerKey: publicKeyOf(this.deployer.secretKey), values, devices }) };
    }

    /** Loads and initializes a module. */
    async load(name: string, source: string, options: ModuleOptions = {}): Promise<Loaded> {
        const { build, image } = await this.image(name, source, options);
        const module = await BoardModule.load(this.folder, image.image, options.limitMs);
        if (typeof module === "number") throw new Error(`module ${name} is not loaded: ${module}`);
        assert.deepEqual(Buffer.from(image.measurement), module.measurement, "firmware and builder measure the same");
        assert.equal((await module.enter(0)).outcome, 0);
        return {
            module, image, build,
            end: {
                name, channel: { send: (type, body) => module.send(type, body) }, measurement: image.measurement, backend: "emulated", policyHash: new Uint8Array(32),
                appraise: (evidence) => {
                    this.evidence.push(evidence);
                    const verdict = this.judge(evidence);
                    return verdict.accepted ? Promise.resolve({ assurance: "emulated" as const }) : Promise.reject(new Error(`refused: ${JSON.stringify(verdict.reasons)}`));
                },
            },
            endpoint: (declared) => build.interface.findIndex((one) => one.name === declared),
        };
    }

    judge(evidence: EvidenceToAppraise, device: Device = this.device, trust: Trust = TRUST): Verdict {
        const roots: RootSet = evidence.backend === "emulated" ? { assurance: "emulated", anchors: [spkiOf(device)] } : { assurance: "hardware" };
        return judgeToken(trust, roots, device, evidence, Date.now());
    }
}
