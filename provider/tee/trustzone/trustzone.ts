// Modules on Cortex-M33 boards with TrustZone: slots of the secure firmware, PSA tokens as evidence (docs/trustzone.md).
import { configurationBlock } from "../../build/configuration";
import { buildModule } from "../../build/image";
import { fillConfiguration } from "../../protocol/configuration";
import { EVIDENCE } from "../../protocol/m2";
import { SUITE } from "../../protocol/status";
import type { Verdict } from "../../attest/evidence";
import { hex } from "../../protocol/bytes";
import type { Presented } from "../attester";
import type { Build, BuildRequest, FinalImage, MeasuredConfiguration, Tee } from "../tee";
import { EMULATOR, findEmulator } from "./emulator";
import { judgeToken } from "./evidence";
import { buildBoardSoftware, DEFAULT_BOARD, implementationId } from "./firmware";
import { placeDevices, trustzoneMeasurement } from "./image";
import { PERIPHERALS } from "./peripherals";
import { HAND_OVER, ROOM, TARGET } from "./target";

export const trustzone: Tee = {
    name: "trustzone",
    evidenceTypes: [EVIDENCE.psa],
    // Without AES instructions, ChaCha20 is faster there, and constant in time; SpongeWrap is for boards that know nothing else.
    suites: [SUITE.chacha20Poly1305, SUITE.aes128Gcm, SUITE.spongeWrap128, SUITE.spongeWrap64],
    room: ROOM,
    handOver: HAND_OVER,
    peripherals: Object.keys(PERIPHERALS),

    build: (request: BuildRequest): Promise<Build> => buildModule(request, TARGET, trustzoneMeasurement),

    finalize(build: Build, measured: MeasuredConfiguration): FinalImage {
        const filled = fillConfiguration(build.image, build.configurationOffset, configurationBlock(build.interface, measured, build.configurationSize));
        const image = placeDevices(filled, build.interface, PERIPHERALS, measured.devices ?? {});
        return { image, measurement: trustzoneMeasurement(image) };
    },

    software: () => buildBoardSoftware(),

    /** The firmware must be the one that the node was given, byte by byte: this package's where it was given none. */
    async appraise({ attester: { roots, platformId, firmware, implementationId: kind }, trust, at, ...shown }: Presented): Promise<Verdict> {
        const enrolled = trust.psa.devices.flatMap(({ implementationId: one }) => one ?? []);
        const expected = {
            implementationId: kind ?? [hex(implementationId(DEFAULT_BOARD)), ...enrolled],
            firmware: firmware ?? hex((await buildBoardSoftware()).measurement),
            instanceId: platformId,
        };
        return judgeToken(trust, roots, expected, shown, at);
    },

    unavailable(backend: string): string | undefined {
        return backend === "emulated" && findEmulator() === undefined ? `emulated boards need ${EMULATOR}, which is not installed: \`apt-get install ${EMULATOR}\`` : undefined;
    },
};
