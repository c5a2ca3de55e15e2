/* The kit's own types and the functions its files offer to each other. Sections are those of docs/protocol.md. */
#ifndef AUTHENTIC_KIT_H
#define AUTHENTIC_KIT_H

#include <authentic.h>

#include "../crypto/crypto.h"
#include "../crypto/hpke.h"
#include "bytes.h"
#include "port.h"

/* A suite's tag has 16 bytes, of which suite 4 has 8; SpongeWrap pads by up to 2 bytes, which its frames must still fit. */
enum { FRAME_HEADER = 22, FRAME_OVERHEAD = FRAME_HEADER + CRYPTO_TAG, FRAME_MINIMUM = FRAME_HEADER + 8, FRAME_MAXIMUM = AUTHENTIC_EVENT + FRAME_OVERHEAD };

/* Section 4: states, directions, deliveries, suites, refusals of messages. */
enum state { STATE_NEW, STATE_ACTIVE, STATE_PREPARED, STATE_RELEASED, STATE_FAILED, STATE_OFFERED };
enum direction { SENDER = 1, RECEIVER, CLIENT, HANDLER, DEPLOYER };
enum delivery { STRICT = 1, LATEST };
enum suite { SUITE_NONE, SUITE_CHACHA, SUITE_AES, SUITE_SPONGE_128, SUITE_SPONGE_64 };
enum refusal {
    ACCEPTED, MALFORMED, BAD_SIGNATURE, WRONG_INSTANCE, NO_SESSION, WRONG_PURPOSE, NOT_DECRYPTED, CHANGED, BAD_RECORD,
    NO_ROOM, INSTANCE_FAILED, KEY_IDS_DIFFER, WRONG_HANDOVER, BUSY,
};
enum purpose { ATTEST = 1, CONFIGURE, COMMAND, HAND_OVER };

/* Section 6: kinds of frames. Section 8: why a frame is refused, and why an instance fails. */
enum frame_kind { EVENT = 1, REQUEST, REPLY, ACK };
enum frame_refusal { FRAME_ACCEPTED, FRAME_MALFORMED, FRAME_UNKNOWN, FRAME_EPOCH, FRAME_TAG, FRAME_OLD, FRAME_GAP, FRAME_KIND, FRAME_TOO_LONG, FRAME_INACTIVE };
enum failure { FAULT = 1, TIME_LIMIT, RING_CORRUPTED, NO_ENTROPY };

/* Section 8: what an entry returns, and the kinds of records. */
enum outcome { IDLE, MORE, BLOCKED, WAITING, FAILED };
enum in_record { IN_MESSAGE = 1, IN_FRAME, IN_RESEAL, IN_TRIGGER };
enum out_record { OUT_REPLY = 1, OUT_FRAME, OUT_DEVICE, OUT_ACKNOWLEDGED, OUT_RESEAL, OUT_PROCESSED, OUT_REFUSED, OUT_CONNECTION, OUT_FAILED, OUT_LOG, OUT_TRIGGERED };
enum connection_state { CONNECTION_ACTIVE = 1, CONNECTION_RETIRED, CONNECTION_CLOSED };
enum message { M1 = 1, M3, ACTIVATE, MESSAGE_COMMAND, PREPARE, ABORT, RELEASE, ACCEPT, OFFER };

/* The keys of one epoch; epoch 0 is an empty slot. A slot that does not accept opens nothing that arrives. */
struct keys {
    uint64_t epoch;
    uint8_t suite;
    bool accepts;
    uint8_t id[8];
    uint8_t key[32];                   /* as the deployer set it: what a hand-over passes on */
    uint8_t forward[32], backward[32]; /* derived: events or requests, and acks or replies */
};

/* What the next settlement tells the host about a connection. */
enum news { NEWS_ACK = 1, NEWS_PROCESSED = 2, NEWS_ACKNOWLEDGED = 4, NEWS_RESEAL = 8, NEWS_STATE = 16 };

struct connection {
    uint32_t id;
    uint16_t endpoint, window, pending_window;
    uint8_t direction, delivery, news;
    bool active, retired, reset, pending_reset;
    bool answer_previous;                  /* the peer still speaks the previous epoch */
    uint64_t next, acknowledged, gaps;     /* as in status */
    uint64_t previous_last, pending_last;  /* lastCounter of the previous epoch; of the current one once pending activates */
    uint64_t previous_acks;                /* senders: the highest ack accepted under the previous epoch */
    uint64_t reseal;                       /* the frame to be re-sealed next */
    struct keys current, pending, previous;
    uint32_t reply_slot, reply_length;     /* handlers: the cached reply of counter `acknowledged` */
};

struct table {
    uint64_t generation, grants;
    size_t count;
    struct connection at[AUTHENTIC_CONNECTIONS];
};

/* Everything that a failure erases. */
extern struct kit {
    enum state state;
    uint8_t incarnation[16];
    uint64_t command_next;
    struct table table;
} kit;

/* config.c: sections 2 and 3. */
extern struct identity {
    const uint8_t *deployment, *instance, *deployer_key;
} identity;
bool config_load(void);
size_t interface_count(void);
const struct authentic_declaration *interface_at(size_t endpoint, enum authentic_kind kind);
size_t interface_endpoint(const struct authentic_declaration *declaration);

/* ring.c: section 8. Bodies of OUT records are little-endian; `little` makes such a number in place. */
struct record {
    uint32_t length;
    uint16_t kind, argument;
};
enum ring_name { RING_CONTROL, RING_EVENTS };
bool ring_open(void *shared, uint64_t size);
bool ring_peek(enum ring_name name, struct record *record);
bool ring_take(enum ring_name name, const struct record *record, uint8_t *to, size_t capacity);
enum { OUT_RESERVE = 2 * AUTHENTIC_EVENT }; /* holds any one reply and everything else but outputs */
bool out_has_room(size_t bytes);
size_t out_capacity(void);
void out_put(enum out_record kind, uint16_t argument, const struct part *parts, size_t count);
void out_publish(void);
uint32_t pin_read(size_t endpoint);
void ring_target(uint8_t to[PORT_TARGET]);

/* frames.c: sections 5 and 6. A frame in `bytes` is header, ciphertext, tag. */
struct frame {
    uint8_t kind;
    uint32_t connection;
    uint64_t epoch, counter;
    size_t sealed; /* bytes of ciphertext and tag */
    size_t length; /* of the plaintext, once it is open */
};
void keys_derive(struct keys *keys, uint32_t connection, enum direction direction);
bool frame_parse(const uint8_t *bytes, size_t length, struct frame *frame);
bool frame_open(uint8_t *bytes, struct frame *frame, const struct keys *keys, const uint8_t key[32]);

/* sponge_frames.c: keys and frames of suites 3 and 4. Sealing is behind the header, and returns the bytes it took. */
bool is_sponge(uint8_t suite);
bool suite_takes(uint8_t suite, size_t length);
void sponge_keys(struct keys *keys, uint32_t id, bool events);
bool sponge_open(uint8_t *bytes, struct frame *frame, uint8_t suite, const uint8_t key[32]);
size_t sponge_seal(uint8_t *frame, uint8_t suite, const uint8_t key[32], enum frame_kind kind, const void *text, size_t length);
void frame_put(const struct connection *c, const struct keys *keys, enum frame_kind kind, uint64_t counter, const void *text, size_t length);

/* table.c: the connection table. */
enum record_type { RECORD_SET = 1, RECORD_CLOSE, RECORD_GRANT, RECORD_REVOKE };
enum { SET_RESET = 1 };
struct connection *table_find(struct table *table, uint32_t id);
enum refusal table_apply(struct reader *records, size_t count);
/* `handed_over`: the connection is that of the instance that is replaced, at this endpoint; flags are those of status. */
enum refusal table_set(struct reader *body, const struct authentic_declaration *handed_over);
bool table_fits(enum direction direction, size_t endpoint);
struct table *table_draft(void);
void table_commit(void);
void table_activate(struct connection *c);
void table_retire(struct connection *c);
bool table_resealing(const struct connection *c);
size_t table_output_bytes(const struct table *table);

/* status.c: section 4, status. */
enum { STATUS_MAXIMUM = 72 + 68 * AUTHENTIC_CONNECTIONS + 2 * AUTHENTIC_DECLARATIONS + 64 };
enum status_flag { FLAG_ACTIVE = 1, FLAG_PENDING = 2, FLAG_RETIRED = 4, FLAG_RESET = 8 };
uint8_t status_flags(const struct connection *c);
void status_write(struct writer *w);

/* session.c: section 4. `session` is the one pending slot. */
enum { M1_LENGTH = 168, SIGNATURE = 64 };
extern struct session {
    enum { NOTHING, CHALLENGED, KEYED } step;
    enum purpose purpose;
    uint8_t binding[32]; /* SHA-256(M1 ‖ M2core) */
    uint8_t nonce[32], secret[32], public[32];
    uint8_t exporter[32], transcript[32];
    uint8_t opening[M1_LENGTH + 66 + STATUS_MAXIMUM]; /* M1 ‖ M2core */
    size_t opening_length, keyed;
    struct { uint32_t connection; uint8_t id[8]; } keys[AUTHENTIC_CONNECTIONS];
} session;
void session_receive(enum message type, const uint8_t *message, size_t length);
enum refusal session_unseal(enum purpose purpose, struct part label, const uint8_t *message, size_t length, size_t size_of_length,
                            uint8_t *to, size_t capacity, struct reader *text);
bool signed_by_deployer(const struct part *parts, size_t count, const uint8_t signature[64]);
void reply(enum message type, const struct part *parts, size_t count);

/* command.c: section 4, commands of the deployer. */
enum refusal command_receive(const uint8_t *message, size_t length);
struct task;
void command_finish(const struct task *task);

/* handover.c: section 9. */
enum refusal handover_receive(enum message type, const uint8_t *message, size_t length);
void handover_erase(void);
bool handover_status(struct writer *w);

/* events.c: frames that arrive, outputs that leave. */
enum frame_refusal event_receive(uint8_t *bytes, size_t length);
enum frame_refusal answer_receive(uint8_t *bytes, size_t length);
enum frame_refusal reseal_receive(uint8_t *bytes, size_t length);
void connection_put(const struct connection *c, enum connection_state state);
void refuse_frame(const uint8_t *bytes, size_t length, enum frame_refusal reason);
bool outputs_ready(void);
bool settle(void);

/* task.c: the one event, request, command or trigger that is being processed. */
enum job { JOB_EVENT, JOB_REQUEST, JOB_COMMAND, JOB_TRIGGER };
enum phase { TASK_NONE, TASK_RUNNING, TASK_WAITING, TASK_RETURNED };
struct task {
    enum phase phase;
    enum job job;
    const struct authentic_declaration *target;
    struct authentic_event event;
    const uint8_t *data;
    size_t length;
    uint8_t *reply; /* handlers: status byte and data */
    int64_t result;
    uint64_t epoch; /* of the request being handled */
};
const struct task *task_current(void);
void task_start(const struct task *task);
void task_continue(void);
void task_finish(void);
void task_abandon(void);
bool request_put(void);
void request_answer(uint32_t connection, uint64_t counter, const uint8_t *text, size_t length);
void request_fail(uint32_t connection, enum authentic_result result);

/* kit.c */
extern uint8_t incoming[FRAME_MAXIMUM]; /* the event being processed: its handler sees it here */
void fail(enum failure reason);

#endif
