// The board of a node whose firmware is part of its modules' evidence: it is run, and what it is recorded when the node is created.

import type { TrustzoneFacts } from "../agent/client";
import { parseTrust } from "../attest/policy";
import { decodePem, encodePem } from "../attest/x509/pem";
import { AuthenticError } from "../errors";
import { equalBytes, hex } from "../protocol/bytes";
import { spkiOf } from "../tee/trustzone/evidence";
import { teeOf } from "./ends";
import { otherPlatform, type Platform, replacement } from "./platform";
import { present } from "./plain";
import { surroundings } from "./surroundings";

/** A node with such a board. */
export interface DeviceState {
    readonly name: string;
    readonly tee: string;
    readonly backend?: "hardware" | "emulated" | undefined;
    /** Where a board is that is not emulated. */
    readonly device?: string | undefined;
    readonly trust: Readonly<Record<string, unknown>>;
    readonly folder: string;
    /** The firmware's measurement as it was planned, hexadecimal. */
    readonly firmware?: string | undefined;
    readonly platform: Platform;
}

/**
 * What identifies a device. Nobody vouches for an emulated one but the node that made it, so the first answer counts. Keys of
 * others are in the stack's configuration: what they say here only chooses among those.
 */
function identity({ instanceId, implementationId, publicKey }: TrustzoneFacts, { backend }: DeviceState): Platform {
    return { id: instanceId, implementationId, ...(backend === "emulated" ? { attestationKey: publicKey } : {}) };
}

/** @throws AuthenticError `AE-NODE-ENROLMENT` for a board that is not enrolled, `AE-NODE-FIRMWARE` for one that its owner has to flash */
function requireUsable({ name, folder, firmware, trust }: DeviceState, facts: TrustzoneFacts): void {
    const der = Buffer.from(spkiOf(facts));
    if (!parseTrust(trust).psa.devices.some(({ key }) => decodePem(key, "PUBLIC KEY", "an enrolled key").some((one) => equalBytes(one, der)))) {
        throw new AuthenticError("AE-NODE-ENROLMENT", `node "${name}": the board ${facts.instanceId} is not enrolled in this stack; it says that its key is\n${encodePem("PUBLIC KEY", der).trimEnd()}`,
            "compare that with what its maker or owner says, and enter it in `authentic:trust.psa.devices`");
    }
    if (facts.firmware !== firmware) {
        throw new AuthenticError("AE-NODE-FIRMWARE", `node "${name}": the board runs other firmware: ${present(firmware, "the firmware")} was planned, and ${facts.firmware} found`,
            `flash firmware.bin and nonsecure.bin of ${folder}/trustzone, then run \`pulumi up\` again`);
    }
}

/**
 * Makes the node's board run the planned firmware; an emulated one with other firmware ends, with every module on it.
 *
 * @returns what the evidence of its modules has to show
 * @throws AuthenticError `AE-NODE-PLATFORM` where it is another device than before, `AE-NODE-FIRMWARE` where it runs something else
 */
export async function ensureDevice(state: DeviceState): Promise<Platform> {
    const { name, tee, backend, device, folder, firmware, platform } = state;
    const software = await (await teeOf(tee)).software?.();
    if (software === undefined || hex(software.measurement) !== firmware) {
        throw new AuthenticError("AE-NODE-FIRMWARE", `the firmware of node "${name}" is another one than was planned`, "its sources changed while `pulumi up` was running: run it again");
    }
    const agent = await (await surroundings()).agent(folder);
    const wanted = { ...software, ...(backend === "emulated" || device === undefined ? {} : { device }) };
    let facts = await agent.putTrustzone(wanted);
    if (backend !== "emulated") requireUsable(state, facts);
    else if (facts.firmware !== firmware) {
        // The agent says that it runs what it was given, but the board does not.
        await agent.endTrustzone();
        facts = await agent.putTrustzone(wanted);
    }
    const difference = platform.id === undefined ? undefined : replacement(platform, identity(facts, state));
    if (difference !== undefined) {
        throw otherPlatform(name, difference);
    }
    return { ...identity(facts, state), ...platform, firmware };
}

/** What a refresh finds: `running`, or how the board differs from what was recorded. */
export async function deviceState(state: DeviceState): Promise<string> {
    const { folder, firmware, platform } = state;
    const facts = await (await (await surroundings()).agent(folder)).trustzone();
    if (facts === undefined) {
        return "board stopped";
    }
    const other = replacement(platform, identity(facts, state));
    return other ?? (facts.firmware === firmware ? "running"
        : `the board runs other firmware: ${present(firmware, "the firmware").slice(0, 16)}… was planned, and ${facts.firmware.slice(0, 16)}… found`);
}
