// Copies of the kit with a check taken out, to show that an attack which the kit withstands would otherwise succeed.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { packageRoot } from "../../tools/setup/toolchain";

/** A place in the kit's source and what takes its place. */
export interface Patch {
    file: string;
    from: string;
    to: string;
}

/**
 * A copy of the kit with patches applied.
 *
 * @throws Error where the text of a patch does not occur exactly once: the test then no longer weakens what it says
 */
export function weakenedKit(patches: readonly Patch[]): { folder: string; remove(): void } {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "weakened-kit-"));
    fs.cpSync(path.join(packageRoot(), "runtime", "kit"), folder, { recursive: true });
    for (const { file, from, to } of patches) {
        const source = path.join(folder, file);
        const pieces = fs.readFileSync(source, "utf8").split(from);
        if (pieces.length !== 2) throw new Error(`${file} has ${String(pieces.length - 1)} places with: ${from}`);
        fs.writeFileSync(source, pieces.join(to));
    }
    return { folder, remove: () => { fs.rmSync(folder, { recursive: true, force: true }); } };
}

/** A release that changes nothing. */
export const LIVES_ON: readonly Patch[] = [
    { file: "core/handover.c", from: "kit.state = STATE_RELEASED;", to: "" },
    { file: "core/handover.c", from: "crypto_wipe(&kit.table, sizeof kit.table);\n    for", to: "for" },
];

/** A receiver that takes the first frame that comes again for the next one, which it then never processes. */
export const SKIPS_ONCE: readonly Patch[] = [{
    file: "core/events.c",
    from: "else if (c->delivery == STRICT) c->news |= NEWS_ACK;",
    to: "else if (c->delivery == STRICT) {\n            static bool skipped;\n            if (!skipped) { skipped = true; c->acknowledged = c->next++; }\n            c->news |= NEWS_ACK;\n        }",
}];

const events = (from: string, to: string): Patch => ({ file: "core/events.c", from, to });

/** The check whose absence lets old events through. */
const noOldCheck = events("if (f.counter < c->next) {", "if (0) {");
/** The check whose absence lets events through that are not the next. */
const noGapCheck = events("if (c->delivery == STRICT && f.counter != c->next) return FRAME_GAP;", "");

/** One key for all connections, and headers that nothing protects. */
const sharedKeys: Patch[] = [
    { file: "core/frames.c", from: "crypto_hkdf_extract(prk, NULL, 0, PARTS({keys->key, 32}));", to: "crypto_hkdf_extract(prk, NULL, 0, PARTS({\"weak\", 4}));" },
    { file: "core/frames.c", from: "write_number(&w, connection, 4);", to: "write_number(&w, 0, 4);" },
    { file: "core/frames.c", from: "return crypto_chacha_open(text, text, frame->length, bytes, FRAME_HEADER, nonce, key);", to: "return crypto_chacha_open(text, text, frame->length, bytes, 0, nonce, key);" },
    { file: "core/frames.c", from: "else crypto_chacha_seal(to, text, length, sealed, FRAME_HEADER, nonce, key);", to: "else crypto_chacha_seal(to, text, length, sealed, 0, nonce, key);" },
];

/** What has to be taken out of the kit for each attack to succeed. */
export const weakenings: Readonly<Record<string, readonly Patch[]>> = {
    replay: [noOldCheck, events("f.counter != c->next) return FRAME_GAP;", "f.counter > c->next) return FRAME_GAP;")],
    reorder: [noOldCheck, noGapCheck],
    drop: [noGapCheck],
    forge: [
        noGapCheck,
        {
            file: "crypto/crypto.zig",
            from: "if (!crypto.timing_safe.eql([16]u8, tag, in[length..][0..16].*)) return false;",
            to: "_ = tag;",
        },
    ],
    splice: [...sharedKeys, noOldCheck, noGapCheck],
    "old-epoch": [
        noOldCheck,
        noGapCheck,
        events("if (keys == &c->current) crypto_wipe(&c->previous, sizeof c->previous);", ""),
        events("if (keys == &c->previous && f.counter > c->previous_last) return FRAME_EPOCH;", ""),
        { file: "core/table.c", from: ": c->current.accepts && c->next <= last;", to: ": 1;" },
        { file: "core/task.c", from: "if (c->previous.epoch != 0 && c->acknowledged >= c->previous_last) crypto_wipe(&c->previous, sizeof c->previous);", to: "" },
    ],
    misdirect: [
        ...sharedKeys,
        noOldCheck,
        noGapCheck,
        {
            file: "core/events.c",
            from: "    if (!c) return FRAME_UNKNOWN;\n    if (c->direction != (f.kind == EVENT ? RECEIVER : f.kind == REQUEST ? HANDLER : 0)) return FRAME_KIND;",
            to: "    if (!c) c = &kit.table.at[0];",
        },
    ],
    command: [
        {
            file: "core/session.c",
            from: "    crypto_wipe(&session, sizeof session);\n    if (!port_random",
            to: "    if (session.opening_length > 0 && memcmp(session.opening, m1, M1_LENGTH) == 0) {\n        static const uint8_t unbound[64];\n        session.step = CHALLENGED;\n"
                + "        reply(M1, PARTS({session.opening + M1_LENGTH, session.opening_length - M1_LENGTH}, {unbound, 64}));\n        return ACCEPTED;\n    }\n"
                + "    crypto_wipe(&session, sizeof session);\n    if (!port_random",
        },
        { file: "core/session.c", from: "    crypto_wipe(session.secret, sizeof session.secret);\n", to: "" },
        { file: "core/command.c", from: "if (counter != next || next == UINT64_MAX) return CHANGED;", to: "" },
    ],
};
