// The board of a node whose firmware is part of its modules' evidence: it is run, and what it is recorded when the node is created.

import type { TrustzoneFacts } from "../agent/client";
import { AuthenticError } from "../errors";
import { hex } from "../protocol/bytes";
import { teeOf } from "./ends";
import { otherPlatform, type Platform, replacement } from "./platform";
import { present } from "./plain";
import { surroundings } from "./surroundings";

/** A node with such a board. */
export interface DeviceState {
    readonly name: string;
    readonly tee: string;
    readonly folder: string;
    /** The firmware's measurement as it was planned, hexadecimal. */
    readonly firmware?: string | undefined;
    readonly platform: Platform;
}

/** What identifies an emulated device. Nobody vouches for it but the node that made it, so the first answer counts. */
function identity({ instanceId, implementationId, publicKey }: TrustzoneFacts): Platform {
    return { id: instanceId, implementationId, attestationKey: publicKey };
}

/**
 * Makes the node's board run the planned firmware; another one ends, with every module on it.
 *
 * @returns what the evidence of its modules has to show
 * @throws AuthenticError `AE-NODE-PLATFORM` where it is another device than before, `AE-NODE-FIRMWARE` where it runs something else
 */
export async function ensureDevice({ name, tee, folder, firmware, platform }: DeviceState): Promise<Platform> {
    const software = await (await teeOf(tee)).software?.();
    if (software === undefined || hex(software.measurement) !== firmware) {
        throw new AuthenticError("AE-NODE-FIRMWARE", `the firmware of node "${name}" is another one than was planned`, "its sources changed while `pulumi up` was running: run it again");
    }
    const agent = await (await surroundings()).agent(folder);
    let facts = await agent.putTrustzone(software);
    if (facts.firmware !== firmware) {
        // The agent says that it runs what it was given, but the board does not.
        await agent.endTrustzone();
        facts = await agent.putTrustzone(software);
    }
    const difference = platform.id === undefined ? undefined : replacement(platform, identity(facts));
    if (difference !== undefined) {
        throw otherPlatform(name, difference);
    }
    return { ...platform, ...(platform.id === undefined ? identity(facts) : {}), firmware };
}

/** What a refresh finds: `running`, or how the board differs from what was recorded. */
export async function deviceState({ folder, firmware, platform }: DeviceState): Promise<string> {
    const facts = await (await (await surroundings()).agent(folder)).trustzone();
    if (facts === undefined) {
        return "board stopped";
    }
    const other = replacement(platform, identity(facts));
    return other ?? (facts.firmware === firmware ? "running"
        : `the board runs other firmware: ${present(firmware, "the firmware").slice(0, 16)}… was planned, and ${facts.firmware.slice(0, 16)}… found`);
}
