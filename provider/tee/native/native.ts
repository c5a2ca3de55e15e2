// The native "TEE": a module in an ordinary process. Nothing protects it and nothing vouches for it (evidence type none).
import { none } from "../../attest/none";
import { verifyEvidence } from "../../attest/verifier";
import { configurationBlock } from "../../build/configuration";
import { buildModule } from "../../build/image";
import type { Target } from "../../build/target";
import { fillConfiguration, nativeMeasurement } from "../../protocol/configuration";
import { EVIDENCE } from "../../protocol/m2";
import { SERVER_HAND_OVER, SERVER_PROCESSORS, SERVER_SUITES, SERVER_TARGET } from "../server";
import type { Build, BuildRequest, FinalImage, MeasuredConfiguration, Tee } from "../tee";

const TARGET: Target = { name: "native", ...SERVER_TARGET };

export const native: Tee = {
    name: "native",
    evidenceTypes: [EVIDENCE.none],
    suites: SERVER_SUITES,
    handOver: SERVER_HAND_OVER,
    processors: SERVER_PROCESSORS,

    build: (request: BuildRequest): Promise<Build> => buildModule(request, TARGET, nativeMeasurement),

    finalize(build: Build, measured: MeasuredConfiguration): FinalImage {
        const image = fillConfiguration(build.image, build.configurationOffset, configurationBlock(build.interface, measured, build.configurationSize));
        return { image, measurement: nativeMeasurement(image) };
    },

    appraise: ({ evidence, ...appraisal }) => Promise.resolve(verifyEvidence(none, evidence, [], { ...appraisal, roots: appraisal.attester.roots, references: {} })),
};
