// Modules on Sancus boards: compiled with the kit's port for the MSP430, linked for a place on the board, accompanied by
// the drivers of their devices.
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import path from "node:path";
import type { Assurance, Verdict } from "../../attest/evidence";
import type { Trust } from "../../attest/policy";
import type { Refusal } from "../../attest/refusal";
import { appraiseSancus } from "../../attest/sancus/appraise";
import type { SancusClaims } from "../../attest/sancus/claims";
import { configurationBlock } from "../../build/configuration";
import { hashFolder } from "../../build/folder-digest";
import { packageFolder } from "../../build/folders";
import { readInterface } from "../../build/interface";
import { type Kit, openKit } from "../../build/kit";
import { languageOf } from "../../build/language";
import { includedBy, keepCompiled } from "../../build/module";
import { ofFiles } from "../../build/traces";
import { sancusVerifyTag, type SancusLayout } from "../../crypto/sancus-keys";
import { AuthenticError } from "../../errors";
import { hex } from "../../protocol/bytes";
import { fillConfiguration } from "../../protocol/configuration";
import { EVIDENCE } from "../../protocol/m2";
import { SUITE } from "../../protocol/status";
import type { BoardPlace, Build, BuildRequest, FinalImage, MeasuredConfiguration, Tee } from "../tee";
import { placeOf } from "./board";
import { buildSancusModule, type SancusModule } from "./build";
import { buildDriver, driverIdentity, type Driver } from "./driver";
import { encodeSancusImage, sancusMeasurement, type ImagePart } from "./image";
import { boardDevices, POINTER, readBoardInterface, waitingStack } from "./interface";

const STACK = 320;
const CONFIGURATION = 256;
const FRESHNESS = { none: 0, rng: 1, nv: 2 } as const;

/** What the compiler leaves of a module, as it is kept in the cache. */
interface Compiled {
    readonly text: string;
    readonly layout: SancusLayout;
    readonly sizes: { readonly text: number; readonly data: number };
    readonly offsets: Readonly<Record<"configuration" | "drivers" | "kit" | "interface" | "interfaceEnd", number>>;
}

/** The build of a board's module: `image` is its text. */
export interface BoardBuild extends Build {
    readonly place: BoardPlace;
    readonly layout: SancusLayout;
    readonly driversOffset: number;
    readonly drivers: readonly (Driver & { readonly endpoint: number })[];
}

const portFolder = (kit: Kit): string => path.join(kit.folder, "ports", "sancus");
const runtimeFolder = (): string => path.join(packageFolder(), "runtime", "sancus", "module");

/** Digest of everything trusted that the module is built with: the kit, its runtime on boards, the compiler. */
const digestOf = (kit: Kit): Promise<Uint8Array> =>
    ofFiles(`board ${hex(kit.digest)}`, runtimeFolder(), async () => (await hashFolder(createHash("sha256").update("aex/v1/kit/sancus\0").update(kit.digest), runtimeFolder())).digest());

async function compile(request: BuildRequest, place: BoardPlace, kit: Kit, digest: Uint8Array): Promise<Compiled> {
    const folder = portFolder(kit);
    const sources = (await readdir(folder)).filter((file) => /\.[cS]$/.test(file)).sort().map((file) => path.join(folder, file));
    const flags = ["-I", path.join(kit.folder, "include"), "-I", folder, "-include", path.join(folder, "limits.h"), `-DAUTHENTIC_FRESHNESS=${FRESHNESS[place.freshness]}`];
    const parts = [digest, "sancus", String(place.security), place.freshness, String(place.slot), String(STACK)];
    const kept = await keepCompiled(request, parts, async (opened) => {
        const rules: string[] = [];
        const build = (stackBytes: number): Promise<SancusModule> => buildSancusModule(request, { security: place.security, place: placeOf(place.slot), stackBytes, kit: { sources, flags, key: [digest, place.freshness] }, onRule: (rule) => rules.push(rule) });
        const first = await build(STACK);
        const [start, end] = ["board_interface", "board_interface_end"].map((symbol) => first.offsetOf(symbol));
        const more = waitingStack(readInterface(request.name, first.identity.text.subarray(start, end), POINTER));
        const module = more === 0 ? first : await build(STACK + more);
        const offset = (symbol: string): number => {
            const found = module.offsetOf(symbol);
            if (found === undefined) throw new AuthenticError("AE-BUILD-KIT", `the kit for Sancus has no ${symbol}`, "restore the kit, or correct the one that AUTHENTIC_KIT names");
            return found;
        };
        const compiled: Compiled = {
            text: Buffer.from(module.identity.text).toString("base64"),
            layout: module.identity.layout,
            sizes: module.sizes,
            offsets: {
                configuration: offset("board_configuration"), drivers: offset("board_drivers"), kit: offset("board_kit"),
                interface: offset("board_interface"), interfaceEnd: offset("board_interface_end"),
            },
        };
        return { image: Buffer.from(JSON.stringify(compiled)), included: await includedBy(opened, kit, rules) };
    });
    return JSON.parse(kept.toString("utf8")) as Compiled;
}

/** The parts of the image: the module with what is measured into it, and its drivers, which know it. */
function parts(build: BoardBuild, measured?: MeasuredConfiguration): readonly ImagePart[] {
    const text = measured === undefined ? build.image.slice()
        : fillConfiguration(build.image, build.configurationOffset, configurationBlock(build.interface, measured, build.configurationSize));
    const view = new DataView(text.buffer, text.byteOffset, text.byteLength);
    for (const { endpoint, port } of build.drivers) view.setUint16(build.driversOffset + 2 * endpoint, port.driver, true);
    const identity = { text, layout: build.layout };
    const tag = sancusVerifyTag(build.place.security, identity);
    return [{ port: 0, endpoint: 0, identity }, ...build.drivers.map((driver) => ({ port: driver.port.number, endpoint: driver.endpoint, identity: driverIdentity(driver, tag) }))];
}

const finish = (build: BoardBuild, measured?: MeasuredConfiguration): FinalImage => {
    const image = encodeSancusImage({ vendorId: build.place.vendorId, parts: parts(build, measured) });
    return { image, measurement: sancusMeasurement(image) };
};

/** Judges a module whose MAC in a session was right: `evidence` is one byte, the length of the key. */
function appraiseModule(evidence: Uint8Array, measurement: Uint8Array, assurance: Assurance, trust: Trust): Verdict {
    const claims: SancusClaims = {
        evidence: "sancus", assurance, reportData: "", platform: null, measurement: hex(measurement), debug: "disabled", status: null, advisories: [],
        security: evidence[0] === 16 ? 128 : 64,
    };
    const emulation: Refusal = { code: "AE-ATTEST-POLICY", claim: "assurance", found: "emulated", required: "hardware", setting: "authentic:trust.emulated" };
    const reasons = [...(assurance === "emulated" && !trust.emulated ? [emulation] : []), ...appraiseSancus(claims, trust.sancus)];
    return { accepted: reasons.length === 0, status: null, advisories: [], claims, reasons, unchecked: [] };
}

export const sancus: Tee = {
    name: "sancus",
    evidenceTypes: [EVIDENCE.sancus],
    suites: [SUITE.spongeWrap128, SUITE.spongeWrap64],

    async build(request: BuildRequest): Promise<Build> {
        const place = request.board;
        if (place === undefined) throw new AuthenticError("AE-SANCUS-PLACE", `module "${request.name}" is not told its place on the board`, "give the Module a Node with `tee: \"sancus\"`");
        if (await languageOf(request) === "rust") {
            throw new AuthenticError("AE-BUILD-LANGUAGE", `module "${request.name}" is written in Rust, which has no stable compiler for the MSP430 of Sancus boards`,
                "write this module in C, or give it a node with `tee: \"trustzone\"`, `tee: \"sgx\"` or `tee: \"native\"`");
        }
        const kit = await openKit();
        const digest = await digestOf(kit);
        const { text, layout, sizes, offsets } = await compile(request, place, kit, digest);
        const image = new Uint8Array(Buffer.from(text, "base64"));
        const declarations = readBoardInterface(request.name, image.subarray(offsets.interface, offsets.interfaceEnd));
        image.set(digest, offsets.kit);
        const devices = boardDevices(request.name, declarations, place.devices);
        const build: BoardBuild = {
            image,
            configurationOffset: offsets.configuration,
            configurationSize: CONFIGURATION,
            interface: declarations,
            kit: digest,
            toolchain: { zig: kit.version },
            codeMeasurement: new Uint8Array(32),
            sizes: { text: sizes.text, data: sizes.data },
            place,
            layout,
            driversOffset: offsets.drivers,
            drivers: await Promise.all(devices.map(async ({ endpoint, port }) => ({ endpoint, ...await buildDriver(port, layout.publicStart, place.security) }))),
        };
        return { ...build, codeMeasurement: finish(build).measurement };
    },

    appraise: ({ evidence, measurement, attester: { roots: { assurance } }, trust }) => Promise.resolve(appraiseModule(evidence, measurement, assurance, trust)),

    finalize: (build: Build, measured: MeasuredConfiguration): FinalImage => finish(build as BoardBuild, measured),
};
