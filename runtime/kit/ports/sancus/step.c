/* The entry of a module: one record of the bridge in, records for it out. Both lie in foreign memory.
 *
 *     in:  kind u8 | argument u8 | body         1 message (type), 2 frame, 3 re-seal, 4 trigger (endpoint)
 *     out: (kind u8 | argument u8 | length u16 little-endian | body, padded to an even length)*
 *
 * Kinds are those of docs/protocol.md section 8; 12 says that strict outputs have no room and nothing was processed. */
#include "kit.h"

struct kit kit;
u8 incoming[INCOMING] __attribute__((aligned(2)));
u8 scratch[SCRATCH] __attribute__((aligned(2)));

static u8 *out;
static u16 used, room;

u16 out_used(void) { return used; }

bool out_has_room(u16 bytes) { return bytes <= room - used; }

/* Room for a body; callers have made sure of it. Beyond the end everything goes to the scratch memory, and the instance fails. */
u8 *out_reserve(u8 kind, u8 argument, u16 length) {
    u16 padded = (length + 1) & ~1;
    if (!out_has_room(4 + padded)) {
        kit.state = STATE_FAILED;
        return NULL;
    }
    u8 *at = out + used;
    at[0] = kind;
    at[1] = argument;
    memcpy(at + 2, &length, 2);
    used += 4 + padded;
    return at + 4;
}

void out_put(u8 kind, u8 argument, const void *body, u16 length) {
    u8 *to = out_reserve(kind, argument, length);
    if (to) memcpy(to, body, length);
}

void fail(u8 reason) {
    wipe(&kit, sizeof kit);
    wipe(scratch, sizeof scratch);
    session_erase();
    kit.state = STATE_FAILED;
    out_put(OUT_FAILED, reason, NULL, 0);
}

static void refuse(const u8 *frame, enum frame_refusal reason) {
    struct connection *c = table_find_low(get_16(frame + 2));
    struct { u32 connection, counter; } body = {c ? c->id : 0, get_32(frame + 4)};
    out_put(OUT_REFUSED, (u8)reason, &body, sizeof body);
}

/* Whether a frame waits: its handler could not emit what it may, or another has not finished. */
static bool blocked(void) {
    if (!kit.waiting && outputs_ready()) return false;
    out_put(OUT_BLOCKED, 0, NULL, 0);
    return true;
}

/* r12 in, r13 its length, r14 out, r15 its capacity; returns the bytes written. */
SANCUS_ENTRY(authentic_step)(const void *from, u16 length, void *to, u16 capacity) {
    if (length < 2 || length > INCOMING || !sancus_outside(from, length) || !sancus_outside(to, capacity) || ((u16)from | (u16)to) & 1) return 0;
    out = to;
    used = 0;
    room = capacity;
    memcpy(incoming, from, length);
    u8 kind = incoming[0], argument = incoming[1];
    bool fault = kit.running;
    kit.running = true;
    if (fault) fail(1); /* an entry did not come back: the board reports the fault, we erase the keys */
    else if (kind == IN_MESSAGE) session_receive(argument, incoming + 2, length - 2);
    else if (kit.state == STATE_FAILED) out_put(OUT_FAILED, 1, NULL, 0);
    else if (kind == IN_FRAME || kind == IN_RESEAL) {
        u8 *frame = incoming + 2;
        bool waits = kind == IN_FRAME && (frame[0] & 0x0f) <= REQUEST;
        if (!waits || !blocked()) {
            enum frame_refusal refusal = frame_receive(frame, length - 2, kind == IN_RESEAL);
            if (refusal) refuse(frame, refusal);
        }
    } else if (kind == IN_TRIGGER && !blocked()) trigger(argument);
    wipe(incoming, length);
    if (kit.waiting) task_continue(); /* does not come back where the function goes on */
    if (sancus_preset) {
        static const char told[] = "somebody had written into this module's memory before it was enabled; it was erased";
        out_put(OUT_LOG, 0, told, sizeof told - 1);
        sancus_preset = 0;
    }
    kit.running = false;
    return used;
}

/* Ends this module and its drivers: their memory is erased and their places are free. Anyone may ask, as availability is not
 * promised; but not as long as it is granted devices, whose registers would belong to anyone then. */
void sancus_disable(void);
SANCUS_ENTRY(authentic_leave)(void) {
    for (u16 i = 0; i < ENDPOINTS; i++)
        if (kit.drivers[i]) return 0;
    for (u16 i = 0; i < ENDPOINTS; i++) driver_dismiss(i);
    sancus_disable();
    return 0;
}
