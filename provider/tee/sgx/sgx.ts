// Intel SGX: a module is an enclave, measured page by page and signed by the deployment's vendor key. The same image runs on
// the processor and under the emulator.
import path from "node:path";
import type { Verdict } from "../../attest/evidence";
import { sgx as sgxEvidence } from "../../attest/sgx";
import { verifyEvidenceOnline } from "../../attest/verifier";
import { cacheKey, cached } from "../../build/cache";
import { configurationBlock } from "../../build/configuration";
import { packageFolder } from "../../build/folders";
import { buildModule } from "../../build/image";
import type { Target } from "../../build/target";
import { hex } from "../../protocol/bytes";
import { fillConfiguration } from "../../protocol/configuration";
import { EVIDENCE } from "../../protocol/m2";
import type { Presented } from "../attester";
import { SERVER_HAND_OVER, SERVER_PROCESSORS, SERVER_SUITES, SERVER_TARGET } from "../server";
import type { Build, BuildRequest, FinalImage, MeasuredConfiguration, Tee } from "../tee";
import { mrenclave } from "./measurement";
import { makeSigstruct } from "./sigstruct";
import { readVendorKey } from "./vendor-key";

/** XFRM allows what this processor model uses, and no more. */
const TARGET: Target = { name: "sgx", ...SERVER_TARGET };

/** Product and version in reports: the measurement identifies a module, these only name the format of this package's images. */
export const ISV_PROD_ID = 1;
export const ISV_SVN = 1;

/**
 * An image as the agent takes it: SIGSTRUCT, then the ELF file.
 *
 * @param options - `debug`: signed for debugging, which no policy accepts unless it says so
 * @throws AuthenticError `AE-SGX-VENDOR-KEY` for a key that cannot sign
 */
export function signedImage({ image, measurement }: FinalImage, vendorKey: string, options: { readonly debug?: boolean } = {}): Uint8Array {
    const sigstruct = makeSigstruct({ measurement, isvProdId: ISV_PROD_ID, isvSvn: ISV_SVN, ...options }, readVendorKey(vendorKey));
    return new Uint8Array(Buffer.concat([sigstruct, image]));
}

/** Enclaves are mostly empty memory, all of it measured: ten times as long as reading the result. */
const codeMeasurement = async (image: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await cached(cacheKey("mrenclave", image), () => Promise.resolve(Buffer.from(mrenclave(image)))));

export const sgx: Tee = {
    name: "sgx",
    evidenceTypes: [EVIDENCE.sgx],
    suites: SERVER_SUITES,
    handOver: SERVER_HAND_OVER,
    processors: SERVER_PROCESSORS,

    build: (request: BuildRequest): Promise<Build> => buildModule(request, TARGET, codeMeasurement),

    finalize(build: Build, measured: MeasuredConfiguration): FinalImage {
        const image = fillConfiguration(build.image, build.configurationOffset, configurationBlock(build.interface, measured, build.configurationSize));
        return { image, measurement: mrenclave(image) };
    },

    sign: (image: FinalImage, vendorKey: string): Uint8Array => signedImage(image, vendorKey),

    appraise: ({ evidence, reportData, measurement, attester, trust, at }: Presented): Promise<Verdict> =>
        verifyEvidenceOnline(sgxEvidence, evidence, attester.collateral, {
            trust, at, reportData, roots: attester.roots,
            references: { mrenclave: hex(measurement), mrsigner: attester.signer, isvProdId: ISV_PROD_ID, minIsvSvn: ISV_SVN, platform: attester.platformId },
        }),

    enrolment: (): string => path.join(packageFolder(), "runtime", "enrolment", "enrolment.c"),

    unavailable: (backend: string, machine: string): string | undefined => backend === "emulated" && machine !== "linux x64"
        ? `emulated SGX runs on Linux on x86-64 only, and this machine is ${machine}; use \`tee: "native"\` to develop, an emulated TEE of another kind, or a node with SGX hardware`
        : undefined,
};
