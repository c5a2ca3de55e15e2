// Which files of vectors there are, and what each holds.
import { deployerKey, deployerSecretKey, deployment, fixed, instance, instanceName, measurement, policyHash, type VectorFile } from "./fixed";
import { compactVectors, frameVectors, keyVectors, refusedCompact, refusedFrames } from "./cases/frames";
import { configurationVectors, helloVectors, hpkeVectors, nameVectors, refusedConfigurations, refusedHellos } from "./cases/documents";
import { handOverVectors, refusedHandOvers } from "./cases/hand-over";
import { refusedSancus, sancusVectors } from "./cases/sancus";
import { ENDPOINTS, sessions } from "./cases/session";
import { refusedSessions } from "./cases/session-refused";

export const vectorFiles: Readonly<Record<string, () => VectorFile>> = {
    session: () => ({
        specification: "docs/protocol.md section 4",
        notes:
            "Sessions with one module, in order: each begins in the state that the one before has left. The module draws `incarnation` at its start and `nonceM` and `skE` for each M1. " +
            "`status` is exact for a kit whose digest is `kit`. Vectors under `refused` each begin with a module in the situation that their notes name.",
        given: {
            deployment,
            instanceName,
            instance,
            deployerSecretKey,
            deployerKey,
            policyHash,
            measurement,
            incarnation: fixed("incarnation", 16),
            kit: new Uint8Array(32).fill(0x6b),
            interface: ENDPOINTS.map(({ kind, maximum }) => ({ kind, maximum })),
        },
        vectors: sessions(),
        refused: refusedSessions(),
    }),
    keys: () => ({
        specification: "docs/protocol.md sections 1 and 5",
        notes: "`key32` is what the deployer draws; for suites 3 and 4 its first 16 or 8 bytes, then zeros.",
        given: { deployment },
        vectors: keyVectors(),
        refused: [],
    }),
    frame: () => ({
        specification: "docs/protocol.md section 6",
        notes: "`frame` has its length prefix; the rings of section 8 carry it without.",
        given: { deployment },
        vectors: frameVectors(),
        refused: refusedFrames(),
    }),
    "compact-frame": () => ({
        specification: "docs/protocol.md section 6, Compact frame",
        notes: "`frame` has its length prefix.",
        given: { deployment },
        vectors: compactVectors(),
        refused: refusedCompact(),
    }),
    names: () => ({ specification: "docs/protocol.md section 1", notes: "", vectors: nameVectors(), refused: [] }),
    hpke: () => ({ specification: "docs/protocol.md section 4; RFC 9180", notes: "The values of the key schedule are those of RFC 9180 section 5.1.", vectors: hpkeVectors(), refused: [] }),
    configuration: () => ({
        specification: "docs/protocol.md section 2",
        notes: "`block` is the content up to `length`; `zeros` more bytes follow. The image is `imageBefore`, the block, `imageAfter`; `codeMeasurement` is taken with the block all zero.",
        given: { deployment, instance, deployerKey },
        vectors: configurationVectors(),
        refused: refusedConfigurations(),
    }),
    hello: () => ({ specification: "docs/protocol.md section 7", notes: "", vectors: helloVectors(), refused: refusedHellos() }),
    "hand-over": () => ({ specification: "docs/protocol.md section 9", notes: "", given: { deployerSecretKey, deployerKey }, vectors: handOverVectors(), refused: refusedHandOvers() }),
    sancus: () => ({ specification: "docs/protocol.md section 10", notes: "", vectors: sancusVectors(), refused: refusedSancus() }),
};
