// Lifecycle of a Module: the planned image runs on its node, was attested with a fresh nonce, and may drive its devices.

import { AuthenticError } from "../errors";
import { type PlaceInputs, REPLAY_REMEDY, replayable } from "./board";
import { checkInputs, type RawInputs } from "./check";
import { changedKeys, containsUnknown, pick } from "./change";
import { type Hooks, Unfinished } from "./hooks";
import { instanceOf, resourceId } from "./identity";
import { configurationProblems, type DeclarationState, deviceProblems } from "./interface";
import { digestOf, endedSince, ensureInstance, plannedImage, removeInstance, removeSuccessor } from "./instance";
import { isUnknown, UNKNOWN } from "./plain";
import { attestModule, inspect, revokeDevices } from "./module-observation";
import { changeOf, type ModuleInputs, moduleKeys, type ModuleOutputs, moduleSchema } from "./module-state";
import { observed } from "./observe";
import { type Problem, problem } from "./problems";
import { trustProblems } from "./schemas";
import { succeed } from "./succession";
import { surroundings } from "./surroundings";
import type { HandOverRoom } from "../tee/tee";

export const module: Hooks<ModuleInputs, ModuleOutputs> = {
    async check(olds, news) {
        const change = changeOf(olds, news, await handOverRoom(olds, news));
        const stateful = (olds.interface ?? []).some(({ kind }) => kind === "state");
        const loses = change !== undefined && !change.handsOver && stateful;
        const lastChange = change === undefined ? olds.lastChange
            : change.handsOver ? `${change.reason}: the module is handed over, its connections get new keys`
            : `${change.reason}: a new incarnation begins${loses ? ", the module's state is lost" : ""}`;
        return checkInputs(moduleSchema, { ...news, ...(lastChange === undefined ? {} : { lastChange }) }, (inputs) => [
            ...rules(inputs),
            ...change?.problems.map((one) => problem("source", one)) ?? [],
            ...(loses && inputs["onStateLoss"] === "fail"
                ? [problem("onStateLoss", `${change.reason}: the module's state would be lost; set \`onStateLoss: "restart"\` to accept that, or undo the change`)]
                : []),
        ]);
    },

    diff(_id, olds, news) {
        // A node that is only being updated keeps its folder and platform, although a preview does not know them.
        const compared = news.nodeFolder === UNKNOWN ? { ...news, nodeFolder: olds.nodeFolder, platform: olds.platform } : news;
        const changed = changedKeys({ ...olds }, { ...compared }, moduleKeys);
        return Promise.resolve({
            changes: changed.length > 0,
            replaces: changed.filter((key) => ["name", "deploymentId", "deployerPublicKey"].includes(key)),
            // The old one has the same place on the node where only the deployer's key is another.
            deleteBeforeReplace: true,
        });
    },

    async create(inputs) {
        const image = await plannedImage(inputs);
        const instance = instanceOf(inputs.deploymentId, inputs.name);
        const id = resourceId(inputs.name, instance);
        await ensureInstance(inputs, instance, image);
        try {
            return { id, outs: { ...inputs, instance, imageDigest: digestOf(image), ...await attestModule(inputs) } };
        } catch (error) {
            throw new Unfinished(error, id, { ...inputs, instance, imageDigest: digestOf(image) });
        }
    },

    async read(id, properties) {
        return observed("module", id, { ...properties, ...await inspect(properties) }, moduleKeys);
    },

    async update(id, olds, news) {
        // Everything that can fail without touching what runs comes first.
        const image = await plannedImage(news);
        const instance = instanceOf(news.deploymentId, news.name);
        const planned = { ...news, instance, imageDigest: digestOf(image) };
        const room = await handOverRoom(olds, news);
        const change = changeOf(olds, news, room);
        // One that was never attested has nothing that could be handed over.
        const restarts = change?.restarts === true;
        const found = isAttested(olds) ? await endedSince(planned, instance, image) : undefined;
        const ended = restarts ? undefined : found;
        const succession = room !== undefined && (restarts || ended !== undefined) && isAttested(olds) ? await succeed(olds, news, instance, image) : undefined;
        let lastLoss = succession?.kept === false ? requireLoss(olds, news, succession.reason)
            : succession !== undefined ? undefined
            : change?.handsOver === false ? change.reason
            : ended !== undefined ? requireLoss(olds, news, ended) : undefined;
        if (succession?.kept !== true) {
            if (restarts || olds.imageDigest !== digestOf(image)) await revokeDevices(olds);
            await removeSuccessor(news, instance);
            await ensureInstance(news, instance, image, restarts);
            if (olds.nodeFolder !== news.nodeFolder) {
                await removeInstance(olds, instance);
            }
        }
        const outs = () => ({ ...planned, ...(lastLoss === undefined ? {} : { lastLoss }) });
        try {
            return { outs: { ...outs(), ...await attestModule(news) } };
        } catch (error) {
            const asItWas = isAttested(olds) && succession === undefined && !restarts && ended === undefined;
            if (asItWas && error instanceof AuthenticError && error.code === "AE-INSTANCE-FAILED") {
                // It fails since its agent was asked, such as with its board, which its node has just replaced.
                lastLoss = requireLoss(olds, news, "the module has failed");
                await ensureInstance(news, instance, image, true);
                return { outs: { ...outs(), ...await attestModule(news) } };
            }
            // What a node of another kind does not have goes with the old one.
            throw new Unfinished(error, id, { ...pick({ ...olds }, ["incarnation", "assurance"]), ...outs() });
        }
    },

    async delete(_id, properties) {
        await revokeDevices(properties);
        await removeInstance(properties, instanceOf(properties.deploymentId, properties.name));
    },
};

/** What the TEEs of both versions of a module can hand over; undefined where one begins anew: always, or with its board's new firmware. */
async function handOverRoom(olds: Partial<ModuleInputs>, news: RawInputs): Promise<HandOverRoom | undefined> {
    const tees = await (await surroundings()).tees();
    const [before, after] = [olds.tee, news["tee"]].map((name) => (typeof name === "string" ? tees[name]?.handOver : undefined));
    const firmware = news["firmware"];
    const restarted = olds.firmware !== undefined && firmware !== undefined && !isUnknown(firmware) && firmware !== olds.firmware;
    return before === undefined || after === undefined || restarted ? undefined
        : { message: Math.min(before.message, after.message), event: Math.min(before.event, after.event) };
}

function isAttested(olds: Partial<ModuleOutputs>): boolean {
    return typeof olds.incarnation === "string";
}

/** A loss that the update found. @returns what is shown of it @throws AuthenticError where it is not accepted */
function requireLoss({ interface: declared = [] }: ModuleOutputs, { name, onStateLoss }: ModuleInputs, reason: string): string {
    const stateful = declared.some(({ kind }) => kind === "state");
    if (stateful && onStateLoss === "fail") {
        throw new AuthenticError("AE-MODULE-STATE-LOST", `module "${name}": ${reason}; its state is lost`, "set `onStateLoss: \"restart\"` to begin anew");
    }
    console.warn(`module "${name}": ${reason}; a new incarnation begins${stateful ? ", the module's state is lost" : ""}.`);
    return reason;
}

/** A board that repeats its nonces could be made to repeat what it did to its devices. */
function replayProblems(declarations: readonly DeclarationState[], devices: Readonly<Record<string, string>>, place: unknown): Problem[] {
    const WRITTEN = 1;
    return declarations.filter(({ kind, name, flags = 0 }) => kind === "device" && (flags & WRITTEN) !== 0 && Object.hasOwn(devices, name) && replayable(place as PlaceInputs))
        .map(({ name }) => problem(`devices.${name}`, `drives an actuator, but the board has no source of fresh nonces: who resets it and replays exactly what it received can make it act again; ${REPLAY_REMEDY}`));
}

function rules(inputs: RawInputs): Problem[] {
    const { interface: declared, config, devices, trust } = inputs;
    const found = trustProblems(trust);
    if (!Array.isArray(declared) || containsUnknown(declared)) {
        return found;
    }
    const declarations = declared as DeclarationState[];
    if (typeof config === "object" && config !== null) {
        const known = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, value === UNKNOWN ? undefined : value as unknown]));
        found.push(...configurationProblems(declarations, known));
    }
    if (typeof devices === "object" && devices !== null && !containsUnknown(devices)) {
        found.push(...replayProblems(declarations, devices as Record<string, string>, inputs["place"]));
        found.push(...deviceProblems(declarations, devices as Record<string, string>));
    }
    return found;
}
