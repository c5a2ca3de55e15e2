/* Commands of the deployer (section 4): sent once, processed at most once, answered under a key of the session. */
#include "kit.h"

enum { OPERATION_SEND = 1, OPERATION_REQUEST, OPERATION_CALL };
enum { DONE, WOULD_BLOCK, REFUSED_BY_HANDLER };
enum { RESULT_HEADER = 13 };

static uint8_t result_key[32];
static uint8_t result[RESULT_HEADER + AUTHENTIC_EVENT + CRYPTO_TAG];

/* AEAD( status u8 | counter u64 | length u32 | data ) */
static void command_reply(uint64_t counter, uint8_t status, const uint8_t *data, size_t length) {
    static const uint8_t nonce[12];
    struct writer w = {result, 0, sizeof result - CRYPTO_TAG, false};
    write_number(&w, status, 1);
    write_number(&w, counter, 8);
    write_number(&w, length, 4);
    write_bytes(&w, data, length);
    crypto_chacha_seal(result, result, w.length, nonce, 0, nonce, result_key);
    crypto_wipe(result_key, sizeof result_key);
    reply(MESSAGE_COMMAND, PARTS({result, w.length + CRYPTO_TAG}));
}

/* Where a command goes: the function, and the counter that must be the command's. */
static const struct authentic_declaration *command_target(uint64_t operation, uint64_t endpoint, uint32_t connection, uint64_t *next) {
    if (operation == OPERATION_CALL) {
        *next = kit.command_next;
        return interface_at(endpoint, AUTHENTIC_KIND_ENTRY);
    }
    const struct connection *c = table_find(&kit.table, connection);
    if (!c || c->direction != DEPLOYER || !c->active || c->endpoint != endpoint) return NULL;
    *next = c->next;
    return interface_at(endpoint, operation == OPERATION_SEND ? AUTHENTIC_KIND_INPUT : AUTHENTIC_KIND_HANDLER);
}

/* incarnation16 | operation u8 | endpoint u16 | connection u32 | counter u64 | length u32 | data */
enum refusal command_receive(const uint8_t *message, size_t length) {
    struct reader r;
    if (kit.state > STATE_ACTIVE) return WRONG_HANDOVER;
    if (task_current()->phase != TASK_NONE) return BUSY; /* before pkE is used up: the same command may come again */
    enum refusal refusal = session_unseal(COMMAND, (struct part)LABEL("aex/v1/command"), message, length, 4, incoming, sizeof incoming, &r);
    if (refusal) return refusal;
    const uint8_t *incarnation = read_view(&r, 16);
    uint64_t operation = read_number(&r, 1), endpoint = read_number(&r, 2), next;
    uint32_t connection = (uint32_t)read_number(&r, 4);
    uint64_t counter = read_number(&r, 8);
    size_t data_length = read_number(&r, 4);
    const uint8_t *data = read_view(&r, data_length);
    if (!read_done(&r) || operation < OPERATION_SEND || operation > OPERATION_CALL || (operation == OPERATION_CALL) != (connection == 0)) return MALFORMED;
    if (!crypto_equal(incarnation, kit.incarnation, 16)) return CHANGED;
    const struct authentic_declaration *target = command_target(operation, endpoint, connection, &next);
    if (!target || data_length > target->maximum) return BAD_RECORD;
    if (counter != next || next == UINT64_MAX) return CHANGED;
    hpke_export(result_key, session.exporter, PARTS(LABEL("aex/v1/result"), {session.transcript, 32}));
    crypto_wipe(session.exporter, sizeof session.exporter);
    if (!outputs_ready()) {
        command_reply(counter, WOULD_BLOCK, NULL, 0);
        return ACCEPTED;
    }
    uint8_t *answer = operation == OPERATION_REQUEST ? target->data : NULL; /* slot 0 */
    task_start(&(struct task){.job = JOB_COMMAND, .target = target, .data = data, .length = data_length, .reply = answer,
                              .event = {.authenticated = true, .connection = connection, .counter = counter}});
    return ACCEPTED;
}

/* The function has returned: its counter is used up and the result leaves along with its outputs. */
void command_finish(const struct task *task) {
    struct connection *c = table_find(&kit.table, task->event.connection);
    if (task->event.connection == 0) {
        kit.command_next = task->event.counter + 1;
    } else if (c && c->next == task->event.counter) {
        c->next++;
        c->acknowledged = task->event.counter;
    }
    bool refused = task->result < 0;
    size_t length = task->reply && !refused ? (size_t)task->result : 0;
    command_reply(task->event.counter, refused ? REFUSED_BY_HANDLER : DONE, task->reply ? task->reply + 1 : NULL, length);
}
