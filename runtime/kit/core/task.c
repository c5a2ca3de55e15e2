/* The one event, request, command or trigger that is being processed. Module code runs on a stack of its own, so that it
 * can wait inside a request while the kit keeps serving the control ring. */
#include "kit.h"

static struct task task;
static void *kit_stack, *module_stack;

/* The outputs of this event, sealed only when its function has returned: kind u16 | endpoint u16 | length u32 | data */
static uint8_t stage[AUTHENTIC_STAGE];
static size_t staged, extras;
static uint32_t bursts[AUTHENTIC_DECLARATIONS];

/* The request that leaves at once, and its reply. */
static struct {
    const void *data;
    void *reply;
    size_t length, capacity, reply_length;
    uint32_t connection;
    uint64_t counter;
    bool unsent;
    enum authentic_result result;
    bool answered;
} request;

const struct task *task_current(void) { return &task; }

const struct authentic_event *authentic_event(void) { return &task.event; }

/* Runs on the module's stack, for ever: one function for each switch to it. */
static void module_main(void) {
    for (;;) {
        const struct authentic_declaration *target = task.target;
        if (target->kind == AUTHENTIC_KIND_HANDLER) {
            int64_t (*handler)(const void *, size_t, void *, size_t) = (int64_t (*)(const void *, size_t, void *, size_t))target->code;
            task.result = handler(task.data, task.length, task.reply + 1, target->reply_maximum);
            if (task.result > (int64_t)target->reply_maximum) task.result = -1;
        } else {
            ((void (*)(const void *, size_t))target->code)(task.data, task.length);
        }
        task.phase = TASK_RETURNED;
        port_switch(&module_stack, kit_stack);
    }
}

static void task_switch(void) {
    task.phase = TASK_RUNNING;
    port_switch(&kit_stack, module_stack);
    if (task.phase == TASK_RETURNED) task_finish();
}

void task_start(const struct task *next) {
    task = *next;
    staged = extras = 0;
    memset(bursts, 0, sizeof bursts);
    if (!module_stack) module_stack = port_stack(module_main);
    task_switch();
}

/* Goes on with a function whose request was answered, or finishes one that has returned already. */
void task_continue(void) {
    if (task.phase == TASK_WAITING && request.answered) task_switch();
    else if (task.phase == TASK_RETURNED) task_finish();
}

void task_abandon(void) {
    task = (struct task){.phase = TASK_NONE};
    module_stack = NULL;
    crypto_wipe(stage, staged);
    request.unsent = request.answered = false;
}

/* Appends to the stage; callers bound `length`. */
static bool stage_put(enum out_record kind, size_t endpoint, const void *data, uint32_t length) {
    struct record record = {length, (uint16_t)kind, (uint16_t)endpoint};
    if (sizeof record + length > sizeof stage - staged) return false;
    memcpy(stage + staged, &record, sizeof record);
    memcpy(stage + staged + sizeof record, data, length);
    staged += sizeof record + length;
    return true;
}

int authentic_emit(const struct authentic_declaration *output, const void *data, size_t length) {
    size_t endpoint = interface_endpoint(output), connected = 0;
    if (task.phase != TASK_RUNNING) return AUTHENTIC_NO_EVENT;
    if (length > output->maximum) return AUTHENTIC_TOO_LONG;
    if (bursts[endpoint] >= output->burst) return AUTHENTIC_BURST;
    for (size_t i = 0; i < kit.table.count; i++) {
        const struct connection *c = &kit.table.at[i];
        if (c->endpoint != endpoint || (!c->active && !c->retired)) continue;
        if (UINT64_MAX - c->next <= output->burst) return AUTHENTIC_EXHAUSTED;
        connected++;
    }
    if (connected == 0) return AUTHENTIC_NOT_CONNECTED;
    if (!stage_put(OUT_FRAME, endpoint, data, (uint32_t)length)) return AUTHENTIC_NO_ROOM;
    bursts[endpoint]++;
    return AUTHENTIC_OK;
}

static int extra(enum out_record kind, size_t endpoint, const void *data, uint32_t length) {
    size_t bytes = sizeof(struct record) + length + 7;
    if (task.phase != TASK_RUNNING) return AUTHENTIC_NO_EVENT;
    if (bytes > AUTHENTIC_EXTRAS - extras || !stage_put(kind, endpoint, data, length)) return AUTHENTIC_NO_ROOM;
    extras += bytes;
    return AUTHENTIC_OK;
}

int authentic_device_write(const struct authentic_declaration *device, uint32_t value) {
    size_t endpoint = interface_endpoint(device);
    if (!(kit.table.grants >> endpoint & 1)) return AUTHENTIC_NOT_GRANTED;
    return extra(OUT_DEVICE, endpoint, &value, sizeof value);
}

int authentic_log(const char *text) {
    uint32_t length = 0;
    while (length < AUTHENTIC_LOG && text[length]) length++;
    return extra(OUT_LOG, 0, text, length);
}

/* Seals what the function left: every connection of an output gets the event under its next counter. */
static void stage_commit(void) {
    for (size_t at = 0; at < staged;) {
        struct record record;
        memcpy(&record, stage + at, sizeof record);
        const uint8_t *data = stage + at + sizeof record;
        at += sizeof record + record.length;
        if (record.kind != OUT_FRAME) {
            if (record.kind == OUT_DEVICE && !(kit.table.grants >> record.argument & 1)) continue; /* revoked meanwhile */
            out_put((enum out_record)record.kind, record.argument, PARTS({data, record.length}));
            if (record.kind == OUT_DEVICE) {
                uint32_t value;
                memcpy(&value, data, sizeof value);
                port_device_write(record.argument, value);
            }
            continue;
        }
        for (size_t i = 0; i < kit.table.count; i++) {
            struct connection *c = &kit.table.at[i];
            if (c->endpoint == record.argument && c->active) frame_put(c, &c->current, EVENT, c->next++, data, record.length);
        }
    }
    crypto_wipe(stage, staged);
    staged = 0;
}

/* A request gets its reply, which is kept for when it is asked again: status u8, 1 when the handler refused | data */
static void reply_finish(struct connection *c) {
    task.reply[0] = task.result < 0;
    c->reply_length = 1 + (task.result < 0 ? 0 : (uint32_t)task.result);
    if (!c->active) return;
    const struct keys *keys = c->previous.epoch == task.epoch ? &c->previous : &c->current;
    frame_put(c, keys, REPLY, task.event.counter, task.reply, c->reply_length);
}

/* The counter of the event advances. */
static void connection_finish(void) {
    struct connection *c = table_find(&kit.table, task.event.connection);
    if (!c) return;
    if (task.event.counter >= c->next) {
        c->next = task.event.counter + 1;
        c->acknowledged = task.event.counter;
        c->gaps += task.event.gaps;
    }
    c->reset = false;
    c->news |= NEWS_PROCESSED;
    if (task.job == JOB_EVENT) c->news |= c->delivery == STRICT ? NEWS_ACK : 0;
    else reply_finish(c);
    if (c->previous.epoch != 0 && c->acknowledged >= c->previous_last) crypto_wipe(&c->previous, sizeof c->previous);
}
/* Everything that processing an event does to the outside happens here, when its function has returned. Where a strict
 * connection cannot take its output (its peer is being replaced, or its window shrank) this waits. */
void task_finish(void) {
    if (!outputs_ready() || !out_has_room(table_output_bytes(&kit.table) + OUT_RESERVE)) return;
    stage_commit();
    if (task.job == JOB_COMMAND) command_finish(&task);
    else if (task.job == JOB_TRIGGER) out_put(OUT_TRIGGERED, (uint16_t)interface_endpoint(task.target), PARTS({(const uint8_t[]){0}, 1}));
    else connection_finish();
    task = (struct task){.phase = TASK_NONE};
}

/* Called by module code: hands the request to the kit and comes back with the reply. */
int authentic_request(const struct authentic_declaration *declaration, const void *data, size_t length, void *reply_to, size_t capacity, size_t *reply_length) {
    size_t endpoint = interface_endpoint(declaration);
    struct connection *c = NULL;
    *reply_length = 0;
    if (task.phase != TASK_RUNNING) return AUTHENTIC_NO_EVENT;
    if (length > declaration->maximum) return AUTHENTIC_TOO_LONG;
    for (size_t i = 0; i < kit.table.count && !c; i++)
        if (kit.table.at[i].endpoint == endpoint && kit.table.at[i].active) c = &kit.table.at[i];
    if (!c) return AUTHENTIC_NOT_CONNECTED;
    if (c->next == UINT64_MAX) return AUTHENTIC_EXHAUSTED;
    if (c->next - 1 != c->acknowledged) return AUTHENTIC_BUSY;
    request.data = data;
    request.length = length;
    request.reply = reply_to;
    request.capacity = capacity;
    request.reply_length = 0;
    request.connection = c->id;
    request.counter = c->next;
    request.unsent = true;
    request.answered = false;
    task.phase = TASK_WAITING;
    port_switch(&module_stack, kit_stack);
    request.unsent = request.answered = false;
    *reply_length = request.reply_length;
    return request.result;
}

/* Seals the request that has not left yet; false while the ring has no room for it. */
bool request_put(void) {
    if (!request.unsent) return true;
    struct connection *c = table_find(&kit.table, request.connection);
    if (!c || !c->active) return true;
    if (!out_has_room(OUT_RESERVE)) return false;
    frame_put(c, &c->current, REQUEST, c->next++, request.data, request.length);
    request.unsent = false;
    return true;
}

/* A reply has been authenticated: status u8, 1 when the handler refused | data */
void request_answer(uint32_t connection, uint64_t counter, const uint8_t *text, size_t length) {
    if (task.phase != TASK_WAITING || request.answered || request.connection != connection || request.counter != counter) return;
    request.result = length == 0 || text[0] != 0 ? AUTHENTIC_REFUSED : length - 1 > request.capacity ? AUTHENTIC_TOO_LONG : AUTHENTIC_OK;
    request.reply_length = request.result == AUTHENTIC_OK ? length - 1 : 0;
    if (request.reply_length > 0) memcpy(request.reply, text + 1, request.reply_length);
    request.answered = true;
}

/* The peer of a connection is gone, or the connection is: whatever waits for it gets to know. */
void request_fail(uint32_t connection, enum authentic_result result) {
    if (task.phase != TASK_WAITING || request.answered || request.connection != connection) return;
    request.result = result;
    request.reply_length = 0;
    request.answered = true;
}
