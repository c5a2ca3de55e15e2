// Every defect of a TDX quote that a verifier has to notice, and what each setting of the policy accepts.
import assert from "node:assert/strict";
import type { RefusalCode } from "../../../provider/attest/refusal";
import { AuthenticError } from "../../../provider/errors";
import { tdxWorld, type World } from "../pki/intel";
import { assertAccepted, assertRefused, judge } from "../pki/judge";

interface Defect {
    readonly what: string;
    readonly code: RefusalCode;
    readonly claim: string;
    readonly setting?: string;
    readonly change: (world: World) => void;
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

/** A world with quote version 5 and a body of TDX 1.0 (type 2) or 1.5 (type 3). */
function version5(bodyType: 2 | 3): World {
    const world = tdxWorld();
    world.quote.version = 5;
    world.quote.bodyType = bodyType;
    if (bodyType === 3) {
        world.td!.update = { teeTcbSvn2: world.td!.teeTcbSvn };
    }
    return world;
}

const defects: Defect[] = [
    { what: "version 3", code: "AE-ATTEST-UNSUPPORTED", claim: "TDX quote: version", change: (world) => { world.quote.version = 3; } },
    { what: "version 6", code: "AE-ATTEST-UNSUPPORTED", claim: "TDX quote: version", change: (world) => { world.quote.version = 6; } },
    { what: "the TEE type of SGX", code: "AE-ATTEST-UNSUPPORTED", claim: "TDX quote: TEE type", change: (world) => { world.quote.teeType = 0; } },
    { what: "another QE vendor", code: "AE-ATTEST-UNSUPPORTED", claim: "TDX quote: QE vendor id", change: (world) => { world.quote.vendor = new Uint8Array(16); } },
    { what: "outer certification data of type 5", code: "AE-ATTEST-UNSUPPORTED", claim: "TDX quote: outer certification data type", change: (world) => { world.quote.outerCertificationType = 5; } },
    { what: "inner certification data of type 6", code: "AE-ATTEST-UNSUPPORTED", claim: "TDX quote: certification data type", change: (world) => { world.quote.certificationType = 6; } },
    {
        what: "trailing bytes", code: "AE-ATTEST-MALFORMED", claim: "TDX quote: signature data length",
        change: (world) => { world.alter.quote = (quote) => Buffer.concat([quote, new Uint8Array(70)]); },
    },
    { what: "a quote signed by another key", code: "AE-ATTEST-SIGNATURE", claim: "quote: signature", change: (world) => { world.quote.quoteSigner = "other"; } },
    { what: "QE authentication data that grew", code: "AE-ATTEST-SIGNATURE", claim: "QE report: report data", change: (world) => { world.quote.authenticationDataGrowth = bytes("00"); } },
    { what: "the QE identity of SGX", code: "AE-ATTEST-COLLATERAL", claim: "QE identity: id", change: (world) => { world.qeIdentity.id = "QE"; } },
    { what: "the TCB info of SGX", code: "AE-ATTEST-MALFORMED", claim: "TCB info: id", change: (world) => { world.tcbInfo.id = "SGX"; } },
    {
        what: "15 TDX components", code: "AE-ATTEST-MALFORMED", claim: "TCB info: tcbLevels.0.tcb.tdxtcbcomponents",
        change: (world) => { world.tcbInfo.tcbLevels[0].tcb.tdxtcbcomponents!.pop(); },
    },
    {
        what: "17 TDX components", code: "AE-ATTEST-MALFORMED", claim: "TCB info: tcbLevels.1.tcb.tdxtcbcomponents",
        change: (world) => { world.tcbInfo.tcbLevels[1].tcb.tdxtcbcomponents!.push({ svn: 0 }); },
    },
    { what: "levels without TDX components", code: "AE-ATTEST-MALFORMED", claim: "TCB info: tcbLevels.0.tcb.tdxtcbcomponents", change: (world) => { delete world.tcbInfo.tcbLevels[0].tcb.tdxtcbcomponents; } },
    { what: "another SEAM signer", code: "AE-ATTEST-TCB", claim: "TDX module: MRSIGNERSEAM", change: (world) => { world.td!.mrSignerSeam = bytes("01".repeat(48)); } },
    {
        what: "SEAM attributes that the mask leaves open", code: "AE-ATTEST-TCB", claim: "TDX module: SEAMATTRIBUTES",
        change: (world) => {
            world.td!.seamAttributes = bytes("0000000000000080");
            for (const module of [world.tcbInfo.tdxModule, ...world.tcbInfo.tdxModuleIdentities!]) Object.assign(module!, { attributesMask: "00".repeat(8) });
        },
    },
    { what: "SEAM attributes", code: "AE-ATTEST-TCB", claim: "TDX module: SEAMATTRIBUTES", change: (world) => { world.td!.seamAttributes = bytes("0100000000000000"); } },
    { what: "a module without identity", code: "AE-ATTEST-TCB", claim: "TDX module: identity", change: (world) => { world.td!.teeTcbSvn = bytes("06030200000000000000000000000000"); } },
    { what: "an identity of another module", code: "AE-ATTEST-TCB", claim: "TDX module: identity", change: (world) => { world.tcbInfo.tdxModuleIdentities![0].id = "TDX_03"; } },
    {
        what: "a SEAM signer that only the module's identity excludes", code: "AE-ATTEST-TCB", claim: "TDX module: MRSIGNERSEAM",
        change: (world) => { world.tcbInfo.tdxModuleIdentities![0].mrsigner = "01".repeat(48); },
    },
    { what: "a module below every level", code: "AE-ATTEST-TCB", claim: "TDX module: version", change: (world) => { world.td!.teeTcbSvn = bytes("01010200000000000000000000000000"); } },
    { what: "a TDX component below every level", code: "AE-ATTEST-TCB", claim: "TCB level", change: (world) => { world.td!.teeTcbSvn = bytes("06010100000000000000000000000000"); } },
    {
        what: "a module of version 0 below the platform's level", code: "AE-ATTEST-TCB", claim: "TCB level",
        change: (world) => { world.td!.teeTcbSvn = bytes("04000200000000000000000000000000"); },
    },
    {
        what: "an outdated module", code: "AE-ATTEST-TCB", claim: "status", setting: "tcbStatuses",
        change: (world) => { world.td!.teeTcbSvn = bytes("03010200000000000000000000000000"); },
    },
    { what: "a revoked module level", code: "AE-ATTEST-TCB", claim: "status", change: (world) => { world.tcbInfo.tdxModuleIdentities![0].tcbLevels[0].tcbStatus = "Revoked"; } },
    { what: "reserved attributes", code: "AE-ATTEST-POLICY", claim: "tdAttributes", change: (world) => { world.td!.tdAttributes = bytes("0001001000000000"); } },
    { what: "a migratable domain", code: "AE-ATTEST-POLICY", claim: "tdAttributes", change: (world) => { world.td!.tdAttributes = bytes("0000003000000000"); } },
    { what: "SEPT_VE_DISABLE clear", code: "AE-ATTEST-POLICY", claim: "tdAttributes.SEPT_VE_DISABLE", change: (world) => { world.td!.tdAttributes = bytes("0000000000000000"); } },
    { what: "performance monitoring", code: "AE-ATTEST-POLICY", claim: "tdAttributes.PERFMON", setting: "perfmon", change: (world) => { world.td!.tdAttributes = bytes("0000001000000080"); } },
    { what: "unknown processor state", code: "AE-ATTEST-POLICY", claim: "xfam", setting: "xfamAllowed", change: (world) => { world.td!.xfam = bytes("e702060000000080"); } },
    { what: "processor state without SSE", code: "AE-ATTEST-POLICY", claim: "xfam", change: (world) => { world.td!.xfam = bytes("e502060000000000"); } },
];

describe("TDX quotes", () => {
    for (const { what, code, claim, setting, change } of defects) {
        it(`are refused with ${what}`, () => {
            const world = tdxWorld();
            change(world);
            assertRefused(judge(world), code, claim, setting === undefined ? null : `authentic:trust.tdx.${setting}`);
        });
    }

    it("are refused in debug mode, whichever bit of the first attribute byte says so, unless the policy allows it", () => {
        for (let bit = 0; bit < 8; bit++) {
            const world = tdxWorld();
            world.td!.tdAttributes = Uint8Array.of(1 << bit, 0, 0, 0x10, 0, 0, 0, 0);
            const verdict = judge(world);
            assert.deepEqual(verdict.reasons.map(({ claim, setting }) => [claim, setting]),
                [["debug", "authentic:trust.tdx.debug"], ["tdAttributes", "authentic:trust.tdx.debug"]]);
            assertAccepted(judge(world, { trust: { tdx: { debug: true } } }));
        }
    });

    it("are judged by the module's own levels only when its major version is not 0", () => {
        const world = tdxWorld();
        world.td!.teeTcbSvn = bytes("05000200000000000000000000000000");
        assertAccepted(judge(world));
    });

    it("are accepted with performance monitoring when the policy says so", () => {
        const world = tdxWorld();
        world.td!.tdAttributes = bytes("0000001000000080");
        assertAccepted(judge(world, { trust: { tdx: { perfmon: true } } }));
    });
});

describe("TDX quotes of version 5", () => {
    it("are accepted with bodies of TDX 1.0 and 1.5", () => {
        assertAccepted(judge(version5(2)));
        assertAccepted(judge(version5(3)));
    });

    it("are refused with the body of an SGX enclave", () => {
        const world = version5(2);
        world.quote.bodyType = 1;
        assertRefused(judge(world), "AE-ATTEST-UNSUPPORTED", "TDX quote: body type");
    });

    it("are refused when the size does not fit the body's type", () => {
        const longer = version5(3);
        longer.quote.bodyType = 2;
        assertRefused(judge(longer), "AE-ATTEST-MALFORMED", "TDX quote: body size");
        for (const bodySize of [0, 584, 647, 649, 0xffffffff]) {
            const world = version5(3);
            world.quote.bodySize = bodySize;
            assertRefused(judge(world), "AE-ATTEST-MALFORMED", "TDX quote: body size");
        }
    });

    it("are refused with a service domain", () => {
        const world = version5(3);
        world.td!.update!.mrServiceTd = bytes(`${"00".repeat(47)}01`);
        assertRefused(judge(world), "AE-ATTEST-POLICY", "mrServiceTd");
    });

    it("are judged by the worse of the state at launch and the current state", () => {
        for (const [atLaunch, now] of [["03", "06"], ["06", "03"]] as const) {
            const world = version5(3);
            world.td!.teeTcbSvn = bytes(`${atLaunch}010200000000000000000000000000`);
            world.td!.update = { teeTcbSvn2: bytes(`${now}010200000000000000000000000000`) };
            assert.equal(judge(world).status, "OutOfDate");
        }
    });
});

describe("TDX reference values", () => {
    const zero = "00".repeat(48);
    const references = { mrtd: "91".repeat(48), rtmr0: "44".repeat(48), rtmr1: zero, rtmr2: zero, rtmr3: zero };

    it("accept the domain that they describe, and registers left open explicitly", () => {
        assertAccepted(judge(tdxWorld(), { references }));
        assertAccepted(judge(tdxWorld(), { references: { ...references, rtmr0: "any" } }));
    });

    for (const register of ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mrConfigId", "mrOwner", "mrOwnerConfig"]) {
        it(`refuse another ${register}`, () => {
            assertRefused(judge(tdxWorld(), { references: { ...references, [register]: "55".repeat(48) } }), "AE-ATTEST-MEASUREMENT", register);
        });
    }

    for (const register of ["mrConfigId", "mrOwner", "mrOwnerConfig"] as const) {
        it(`refuse a ${register} that was not asked for, which the host could choose`, () => {
            const world = tdxWorld();
            world.td![register] = bytes("01");
            assertRefused(judge(world, { references }), "AE-ATTEST-MEASUREMENT", register);
        });
    }

    it("refuse evidence of another machine than the enrolled one", () => {
        assertRefused(judge(tdxWorld(), { references: { ...references, platform: "b2".repeat(16) } }), "AE-ATTEST-BINDING", "platform");
    });

    it("have to name every run-time register", () => {
        assert.throws(() => judge(tdxWorld(), { references: { mrtd: references.mrtd } }), AuthenticError);
    });
});
