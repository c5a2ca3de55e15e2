// The native "TEE": a module in an ordinary process. Nothing protects it and nothing vouches for it (evidence type none).
import { none } from "../../attest/none";
import { verifyEvidence } from "../../attest/verifier";
import { configurationBlock } from "../../build/configuration";
import { buildModule } from "../../build/image";
import type { Target } from "../../build/target";
import { fillConfiguration, nativeMeasurement } from "../../protocol/configuration";
import { EVIDENCE } from "../../protocol/m2";
import type { Build, BuildRequest, FinalImage, MeasuredConfiguration, Tee } from "../tee";

/** AES-GCM takes AES-NI, PCLMULQDQ and AVX: with less it is some twenty times slower, and no longer constant time. */
const TARGET: Target = {
    name: "native",
    triple: "x86_64-freestanding-none",
    cpu: "x86_64_v3+aes+pclmul",
    // A frame larger than the gap below a stack is probed page by page, so that it cannot step over the gap.
    cFlags: ["-mno-red-zone", "-fstack-clash-protection"],
    zigFlags: ["-fPIE", "-mno-red-zone"],
    linkFlags: ["-pie", "--no-dynamic-linker"],
    pointer: 8,
    configurationSize: 4096,
};

const SUITE_CHACHA = 1;
const SUITE_AES = 2;
const SUITE_SPONGE_128 = 3;
const SUITE_SPONGE_64 = 4;

export const native: Tee = {
    name: "native",
    evidenceTypes: [EVIDENCE.none],
    suites: [SUITE_CHACHA, SUITE_AES, SUITE_SPONGE_128, SUITE_SPONGE_64],

    build: (request: BuildRequest): Promise<Build> => buildModule(request, TARGET, nativeMeasurement),

    finalize(build: Build, measured: MeasuredConfiguration): FinalImage {
        const image = fillConfiguration(build.image, build.configurationOffset, configurationBlock(build.interface, measured, build.configurationSize));
        return { image, measurement: nativeMeasurement(image) };
    },

    appraise: ({ evidence, ...appraisal }) => Promise.resolve(verifyEvidence(none, evidence, [], { ...appraisal, roots: appraisal.attester.roots, references: {} })),
};
