// A module whose declarations get other numbers with an update, because its source was put in another order or into another language:
// connections, requests, replies that were kept, devices, triggers and commands go by names. Whoever would go by numbers reaches
// another endpoint of the same kind, which is told apart from the right one.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as ae from "../../resources";
import { weakenedKit } from "../attacks/weakened";
import { Stack } from "./stack";

/** Each of them twice, so that a wrong number is a wrong neighbour. What is counted where is what was reached. */
const DECLARATIONS = [
    "AUTHENTIC_OUTPUT(sent_a, 4)", "AUTHENTIC_OUTPUT(sent_b, 4)", "AUTHENTIC_REQUEST(ask_a, 0, 4)", "AUTHENTIC_REQUEST(ask_b, 0, 4)", "AUTHENTIC_DEVICE(red, AUTHENTIC_WRITTEN)", "AUTHENTIC_DEVICE(blue, AUTHENTIC_WRITTEN)",
];
const FUNCTIONS = [
    "AUTHENTIC_INPUT(in_a, 4) { seen.in_a++; red_write(seen.in_a); sent_a(&seen.in_a, 4); }",
    "AUTHENTIC_INPUT(in_b, 4) { seen.in_b++; blue_write(seen.in_b); sent_b(&seen.in_b, 4); }",
    "AUTHENTIC_ENTRY(tick_a, 0) { seen.tick_a++; }", "AUTHENTIC_ENTRY(tick_b, 0) { seen.tick_b++; }",
    "AUTHENTIC_ENTRY(asks, 0) { size_t n; ask_a(\"\", 0, &seen.from_a, 4, &n); ask_b(\"\", 0, &seen.from_b, 4, &n); }",
    "AUTHENTIC_HANDLER(say, 0, 4) { return said(reply, 'A'); }", "AUTHENTIC_HANDLER(tell, 0, 4) { return said(reply, 'B'); }",
    "AUTHENTIC_HANDLER(read, 0, 28) { memcpy(reply, &seen, sizeof seen); return sizeof seen; }",
];
const inC = (order: <T>(all: readonly T[]) => T[]): string => `
#include <authentic.h>
struct seen { uint32_t in_a, in_b, tick_a, tick_b, from_a, from_b; };
static struct seen seen;
static int64_t said(void *reply, uint32_t what) { memcpy(reply, &what, 4); return 4; }
${order(DECLARATIONS).join("\n")}
${order([...FUNCTIONS, "AUTHENTIC_STATE(struct seen, seen, 1)"]).join("\n")}
`;
const IN_RUST = `
#![no_std]
use authentic::{Device, Plain, Refused, State, Written, device, entry, handler, input, output, request, state};
#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct Seen { in_a: u32, in_b: u32, tick_a: u32, tick_b: u32, from_a: u32, from_b: u32 }
#[state(1)] static SEEN: State<Seen> = State::new(Seen { in_a: 0, in_b: 0, tick_a: 0, tick_b: 0, from_a: 0, from_b: 0 });
#[output(4)] fn sent_a(data: &[u8]) -> authentic::Result;
#[output(4)] fn sent_b(data: &[u8]) -> authentic::Result;
#[request(0, reply = 4)] fn ask_a(data: &[u8], reply: &mut [u8]) -> authentic::Result<usize>;
#[request(0, reply = 4)] fn ask_b(data: &[u8], reply: &mut [u8]) -> authentic::Result<usize>;
#[device] static RED: Device<Written>;
#[device] static BLUE: Device<Written>;
#[input(4)] fn in_a(_: &[u8]) { let n = SEEN.with(|seen| { seen.in_a += 1; seen.in_a }); let _ = (RED.write(n), sent_a(&n.to_le_bytes())); }
#[input(4)] fn in_b(_: &[u8]) { let n = SEEN.with(|seen| { seen.in_b += 1; seen.in_b }); let _ = (BLUE.write(n), sent_b(&n.to_le_bytes())); }
#[entry] fn tick_a() { SEEN.with(|seen| seen.tick_a += 1); }
#[entry] fn tick_b() { SEEN.with(|seen| seen.tick_b += 1); }
#[entry] fn asks() {
    let [mut a, mut b] = [[0; 4]; 2];
    let _ = (ask_a(&[], &mut a), ask_b(&[], &mut b));
    SEEN.with(|seen| (seen.from_a, seen.from_b) = (u32::from_le_bytes(a), u32::from_le_bytes(b)));
}
#[handler(0, reply = 4)] fn say(_: &[u8], reply: &mut [u8]) -> Result<usize, Refused> { reply[..4].copy_from_slice(&65u32.to_le_bytes()); Ok(4) }
#[handler(0, reply = 4)] fn tell(_: &[u8], reply: &mut [u8]) -> Result<usize, Refused> { reply[..4].copy_from_slice(&66u32.to_le_bytes()); Ok(4) }
#[handler(0, reply = 28)] fn read(_: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    let Seen { in_a, in_b, tick_a, tick_b, from_a, from_b } = SEEN.get();
    for (index, number) in [in_a, in_b, tick_a, tick_b, from_a, from_b].iter().enumerate() { reply[4 * index..][..4].copy_from_slice(&number.to_le_bytes()); }
    Ok(24)
}
`;
/** At the other ends: counts what comes, answers who was asked. */
const PEER = `
#include <authentic.h>
static uint32_t heard[2];
AUTHENTIC_INPUT(heard_a, 4) { heard[0]++; }
AUTHENTIC_INPUT(heard_b, 4) { heard[1]++; }
AUTHENTIC_HANDLER(a, 0, 4) { memcpy(reply, &(uint32_t){1}, 4); return 4; }
AUTHENTIC_HANDLER(b, 0, 4) { memcpy(reply, &(uint32_t){2}, 4); return 4; }
AUTHENTIC_HANDLER(count, 0, 8) { memcpy(reply, heard, 8); return 8; }
`;

const numbers = (bytes: Uint8Array): number[] => Array.from({ length: bytes.length / 4 }, (_, index) => Buffer.from(bytes).readUInt32LE(4 * index));

describe("a module whose endpoints get other numbers", function () {
    this.timeout(240_000);
    let base: string;
    let stack: Stack;
    let ticks: number;
    beforeEach(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "renumbered-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        for (const [name, text] of Object.entries({ "forth.c": inC((all) => [...all]), "back.c": inC((all) => all.toReversed()), "longer.c": `${inC((all) => [...all])}AUTHENTIC_ENTRY(more, 0) {}\n`, "other.rs": IN_RUST, "peer.c": PEER })) fs.writeFileSync(path.join(base, name), text);
        stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
        ticks = 0;
    });
    afterEach(async () => {
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const program = (source: string, tee: "sgx" | "native" = "sgx") => () => {
        const deployment = new ae.Deployment("d");
        const [here, there] = [new ae.Node("here", { deployment, tee, ...(tee === "sgx" ? { backend: "emulated" } : {}) }), new ae.Node("there", { deployment, tee: "native" })];
        const peer = new ae.Module("peer", { node: there, source: path.join(base, "peer.c") });
        const module = new ae.Module("module", { node: here, source: path.join(base, source), devices: { red: "red", blue: "blue" } });
        for (const one of ["a", "b"] as const) {
            new ae.Connection(`to-${one}`, { from: deployment, to: module.input(`in_${one}`) });
            new ae.Connection(`sent-${one}`, { from: module.output(`sent_${one}`), to: peer.input(`heard_${one}`) });
            new ae.Connection(`ask-${one}`, { from: module.request(`ask_${one}`), to: peer.handler(one) });
        }
        for (const handler of ["say", "tell", "read"]) new ae.Connection(handler, { from: deployment, to: module.handler(handler) });
        new ae.Connection("count", { from: deployment, to: peer.handler("count") });
        // Once more only when the test says so: a tick at the wrong entry would be seen.
        new ae.Trigger("tick", { module, entry: "tick_a", every: "1h" });
    };
    const numbersOf = (): Record<string, number> => Object.fromEntries((stack.outs("Module", "module")["interface"] as { name: string }[]).map(({ name }, index) => [name, index]));

    /** Uses every endpoint, differently often, and says what each has reached in all. */
    async function use(): Promise<{ readonly seen: number[]; readonly heard: number[]; readonly said: number[]; readonly pins: Record<string, number> }> {
        const deployed = stack.deployed();
        for (const connection of ["to-a", "to-a", "to-b"]) await deployed.send(connection, new Uint8Array(4));
        for (const entry of ["tick_a", "tick_b", "tick_b", "tick_b"]) await stack.callEntry("module", entry);
        await deployed.call("module", "tick_a", new Uint8Array());
        await deployed.call("module", "asks", new Uint8Array());
        ticks++;
        let heard: number[] = [];
        for (let tries = 0; tries < 200 && heard[0] !== 2 * ticks; tries++) {
            heard = numbers(await deployed.request("count", new Uint8Array()));
            if (heard[0] !== 2 * ticks) await sleep(20);
        }
        return {
            seen: numbers(await deployed.request("read", new Uint8Array())), heard,
            said: [...numbers(await deployed.request("say", new Uint8Array())), ...numbers(await deployed.request("tell", new Uint8Array()))],
            pins: Object.fromEntries((await deployed.pins("module")).map(({ name, value }) => [name, value])),
        };
    }
    /** What they must have reached. */
    const expected = () => ({ seen: [2 * ticks, ticks, 2 * ticks, 3 * ticks, 1, 2], heard: [2 * ticks, ticks], said: [65, 66], pins: { red: 2 * ticks, blue: ticks } });

    it("keeps every connection, device, trigger and command at the endpoint of its name", async () => {
        await stack.up(program("forth.c"));
        assert.deepEqual(await use(), expected());
        let before = numbersOf();
        for (const source of ["back.c", "other.rs", "forth.c", "other.rs", "back.c"]) {
            await stack.up(program(source));
            assert.equal(stack.outs("Module", "module")["lastLoss"], undefined);
            const now = numbersOf();
            assert.deepEqual(Object.keys(now).sort(), Object.keys(before).sort());
            const moved = Object.keys(now).filter((name) => now[name] !== before[name]);
            assert.ok(moved.length >= 10, `${source}: only ${moved.join(", ")} have another number`);
            before = now;
            assert.deepEqual(await use(), expected(), source);
        }
    });

    it("would reach others, did the kit not hand connections over by their names, and the deployer sees it", async () => {
        const kit = weakenedKit([{
            file: "core/handover.c", from: "while (endpoint < interface_count() && !(table_fits(direction, endpoint) && named(&port_interface[endpoint], name, name_length))) endpoint++;",
            to: "endpoint = (size_t)(set.at[4] << 8 | set.at[5]); if (!name || !table_fits(direction, endpoint)) endpoint = interface_count();",
        }]);
        const before = process.env["AUTHENTIC_KIT"];
        process.env["AUTHENTIC_KIT"] = kit.folder;
        try {
            await stack.up(program("forth.c", "native"));
            assert.deepEqual(await use(), expected());
            // As long as no number changes, it does.
            await stack.up(program("longer.c", "native"));
            assert.deepEqual(await use(), expected());
            await assert.rejects(stack.up(program("back.c", "native")).then(async () => { assert.deepEqual(await use(), expected()); }), /AE-SESSION-LINK: module module has number \d+ of connection to-b in use for another, .* at endpoint \d+/);
        } finally {
            if (before === undefined) delete process.env["AUTHENTIC_KIT"];
            else process.env["AUTHENTIC_KIT"] = before;
            kit.remove();
        }
    });
});
