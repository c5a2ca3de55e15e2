/* The entry of the kit (section 8): drains the control ring first, then processes events one at a time. */
#include "kit.h"

enum reason { INITIALIZE, RUN, FAULTED };
enum { BUDGET = 256 }; /* records an entry processes before it tells the host */

struct kit kit;
uint8_t incoming[FRAME_MAXIMUM];
static uint8_t message[AUTHENTIC_MESSAGE];
static bool initialized, entered, ring_usable;

/* Erases every key; only the next M1 says what happened. */
void fail(enum failure reason) {
    if (kit.state == STATE_FAILED) return;
    kit.state = STATE_FAILED;
    crypto_wipe(&kit.table, sizeof kit.table);
    crypto_wipe(&session, sizeof session);
    crypto_wipe(table_draft(), sizeof kit.table);
    crypto_wipe(incoming, sizeof incoming);
    crypto_wipe(message, sizeof message);
    handover_erase();
    task_abandon();
    ring_usable &= reason != RING_CORRUPTED;
    if (ring_usable) out_put(OUT_FAILED, (uint16_t)reason, NULL, 0);
}

/* One record of the control ring; false when there is none or it has to wait for room. */
static bool control_step(bool *full) {
    struct record record;
    if (!ring_peek(RING_CONTROL, &record)) return false;
    size_t answer = record.kind == IN_MESSAGE ? OUT_RESERVE : record.kind == IN_RESEAL ? FRAME_MAXIMUM + 64 : 64;
    *full = !out_has_room(answer);
    if (*full) return false;
    bool whole = ring_take(RING_CONTROL, &record, message, sizeof message);
    bool live = kit.state == STATE_ACTIVE;
    enum frame_refusal refusal = FRAME_MALFORMED;
    if (record.kind == IN_MESSAGE) { /* one that is too long is malformed as well */
        session_receive((enum message)record.argument, message, whole ? record.length : 0);
        return true;
    }
    if (whole && record.kind == IN_FRAME) refusal = live ? answer_receive(message, record.length) : FRAME_INACTIVE;
    if (whole && record.kind == IN_RESEAL) refusal = live ? reseal_receive(message, record.length) : FRAME_INACTIVE;
    if (refusal) refuse_frame(message, whole ? record.length : 0, refusal);
    return true;
}

/* Anyone on the node may ask for an entry to be called, at any time. */
static enum frame_refusal trigger(uint16_t endpoint) {
    const struct authentic_declaration *entry = interface_at(endpoint, AUTHENTIC_KIND_ENTRY);
    if (!entry) return FRAME_MALFORMED;
    if (!outputs_ready()) out_put(OUT_TRIGGERED, endpoint, PARTS({(const uint8_t[]){1}, 1}));
    else task_start(&(struct task){.job = JOB_TRIGGER, .target = entry, .data = incoming});
    return FRAME_ACCEPTED;
}

/* One record of the events ring; false when nothing could be taken, and why. Events wait in the ring while an output has
 * no room for what they may cause. */
static bool events_step(enum outcome *why) {
    struct record record;
    *why = IDLE;
    if (!ring_peek(RING_EVENTS, &record)) return false;
    *why = BLOCKED;
    if (kit.state > STATE_ACTIVE) return false;
    if (record.kind == IN_FRAME && !outputs_ready()) return false;
    *why = MORE;
    if (!out_has_room(table_output_bytes(&kit.table) + OUT_RESERVE)) return false;
    enum frame_refusal refusal = FRAME_MALFORMED;
    bool whole = ring_take(RING_EVENTS, &record, incoming, sizeof incoming);
    if (whole && record.kind == IN_TRIGGER) refusal = trigger(record.argument);
    if (whole && record.kind == IN_FRAME) refusal = event_receive(incoming, record.length);
    if (refusal) refuse_frame(incoming, whole ? record.length : 0, refusal);
    return true;
}

static enum outcome run(void) {
    for (unsigned budget = BUDGET; budget > 0; budget--) {
        bool full = false;
        if (control_step(&full)) {
            task_continue();
            continue;
        }
        if (full) return MORE;
        if (kit.state == STATE_FAILED) return FAILED;
        task_continue();
        switch (task_current()->phase) {
        case TASK_WAITING: return WAITING;
        case TASK_RETURNED: return outputs_ready() ? MORE : BLOCKED;
        default: break;
        }
        enum outcome why;
        if (!events_step(&why)) return why;
    }
    return MORE;
}

static enum outcome initialize(void *shared, uint64_t size) {
    initialized = true;
    ring_usable = ring_open(shared, size);
    if (!config_load()) fail(FAULT);
    else if (!ring_usable) fail(RING_CORRUPTED);
    else if (!port_random(kit.incarnation, sizeof kit.incarnation)) fail(NO_ENTROPY);
    kit.command_next = 1;
    out_publish();
    return kit.state == STATE_FAILED ? FAILED : IDLE;
}

/* reason 0 initialize, 1 run, 2 fault; called by the port on the kit's own stack. */
uint64_t kit_enter(uint64_t reason, void *shared, uint64_t size) {
    if (reason == FAULTED && initialized) {
        fail(size == TIME_LIMIT ? TIME_LIMIT : FAULT);
        entered = false;
        out_publish();
        return FAILED;
    }
    if (__atomic_exchange_n(&entered, true, __ATOMIC_ACQUIRE)) return FAILED;
    enum outcome outcome = FAILED;
    if (reason == INITIALIZE && !initialized) outcome = initialize(shared, size);
    if (reason == RUN && ring_usable) {
        outcome = run();
        if (!settle() && outcome != FAILED) outcome = MORE;
        out_publish();
    }
    __atomic_store_n(&entered, false, __ATOMIC_RELEASE);
    return kit.state == STATE_FAILED ? FAILED : outcome;
}
