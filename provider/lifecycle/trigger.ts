// Lifecycle of a Trigger: a period under which the agent calls an entry.

import { z } from "zod";
import { checkInputs } from "./check";
import { changedKeys } from "./change";
import type { Hooks } from "./hooks";
import { resourceId } from "./identity";
import { observe, observed } from "./observe";
import { isUnknown, present } from "./plain";
import { durationSchema, hexSchema, milliseconds, nameSchema } from "./schemas";
import { surroundings } from "./surroundings";

const schema = z.strictObject({
    name: nameSchema,
    module: nameSchema,
    instance: hexSchema(16),
    incarnation: hexSchema(16),
    nodeFolder: z.string(),
    /** How the node's machine is reached, where it is another one; a secret. */
    access: z.unknown().optional(),
    entry: z.string(),
    endpoint: z.int().min(0).max(0xffff).optional(),
    every: durationSchema(10, 86_400_000),
    /** Always `running`; see the Node. */
    state: z.string(),
});
const keys = Object.keys(schema.shape);

export type TriggerInputs = z.infer<typeof schema>;
export type TriggerOutputs = TriggerInputs;

export const trigger: Hooks<TriggerInputs, TriggerOutputs> = {
    check: (_olds, news) => checkInputs(schema, news),

    diff(_id, olds, news) {
        // A node that is only being updated keeps its folder, although a preview does not know it.
        const changed = changedKeys({ ...olds }, { ...news, ...(isUnknown(news.nodeFolder) ? { nodeFolder: olds.nodeFolder } : {}) }, keys);
        return Promise.resolve({
            changes: changed.length > 0,
            replaces: changed.filter((key) => ["name", "module"].includes(key)),
        });
    },

    async create(inputs) {
        await ensure(inputs);
        return { id: resourceId(inputs.name, inputs.instance), outs: inputs };
    },

    async read(id, properties) {
        const state = await observe(properties.nodeFolder, async (agent) => {
            const report = await agent.instance(properties.instance);
            const present = report?.triggers.find(({ name }) => name === properties.name);
            if (present === undefined) {
                return "missing";
            }
            return present.endpoint === properties.endpoint && present.everyMs === milliseconds(properties.every) ? "running" : "changed";
        });
        return observed("trigger", id, { ...properties, state }, keys);
    },

    async update(_id, olds, news) {
        await ensure(news);
        if (olds.nodeFolder !== news.nodeFolder) {
            await remove(olds);
        }
        return { outs: news };
    },

    delete: (_id, properties) => remove(properties),
};

async function ensure({ name, nodeFolder, instance, endpoint, every }: TriggerInputs): Promise<void> {
    const agent = await (await surroundings()).agent(nodeFolder);
    await agent.setTrigger(instance, name, { endpoint: present(endpoint, "the endpoint"), everyMs: present(milliseconds(every), "the period") });
}

async function remove({ name, nodeFolder, instance }: TriggerInputs): Promise<void> {
    // Where no agent runs nothing calls the entry.
    await observe(nodeFolder, (agent) => agent.removeTrigger(instance, name));
}
