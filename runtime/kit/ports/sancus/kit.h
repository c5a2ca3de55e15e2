/* The kit on a Sancus board, inside a protected module: the same protocol as runtime/kit/core in a fraction of its size.
 * Symmetric session (docs/protocol.md section 10), compact frames (section 6), no hand-over.
 *
 * A module is entered with one record of the bridge (step.c) and leaves records for it. It runs with interrupts off, so
 * what lies in foreign memory does not change meanwhile; it is copied in all the same before it is looked at. */
#ifndef AUTHENTIC_BOARD_KIT_H
#define AUTHENTIC_BOARD_KIT_H

#include <authentic.h>
#include <sancus.h>

enum { TAG = SANCUS_TAG_BYTES, SUITE = SANCUS_SECURITY == 128 ? 3 : 4, FULL_HEADER = 22, HEADER = 8, ENDPOINTS = 16 };
enum { INCOMING = 272, SCRATCH = 432 };
#define COUNTER_END 0xffffffffUL

/* docs/protocol.md section 4, as in runtime/kit/core/kit.h. */
enum state { STATE_NEW, STATE_ACTIVE, STATE_FAILED = 4 };
enum direction { SENDER = 1, RECEIVER, CLIENT, HANDLER };
enum delivery { STRICT = 1, LATEST };
enum refusal {
    ACCEPTED, MALFORMED, BAD_SIGNATURE, WRONG_INSTANCE, NO_SESSION, WRONG_PURPOSE, NOT_DECRYPTED, CHANGED, BAD_RECORD, NO_ROOM, INSTANCE_FAILED,
};
enum purpose { ATTEST = 1, CONFIGURE };
enum message { M1 = 1, M3, ACTIVATE };
/* Section 6 and 8. */
enum frame_kind { EVENT = 1, REQUEST, REPLY, ACK };
enum frame_refusal { FRAME_ACCEPTED, FRAME_MALFORMED, FRAME_UNKNOWN, FRAME_EPOCH, FRAME_TAG, FRAME_OLD, FRAME_GAP, FRAME_KIND, FRAME_TOO_LONG, FRAME_INACTIVE };
enum in_record { IN_MESSAGE = 1, IN_FRAME, IN_RESEAL, IN_TRIGGER };
enum out_record { OUT_REPLY = 1, OUT_FRAME, OUT_DEVICE, OUT_ACKNOWLEDGED, OUT_RESEAL, OUT_PROCESSED, OUT_REFUSED, OUT_CONNECTION, OUT_FAILED, OUT_LOG, OUT_TRIGGERED, OUT_BLOCKED };
enum connection_state { CONNECTION_ACTIVE = 1, CONNECTION_RETIRED, CONNECTION_CLOSED };

/* The key of one epoch, which is below 2^32 - 1; epoch 0 is an empty slot. */
struct slot {
    u32 epoch;
    u8 key[TAG];
    u16 accepts;
};

struct connection {
    u32 id;
    u16 endpoint, window, pending_window;
    u8 direction, delivery;
    bool active, retired, reset, pending_reset, closed, fresh; /* fresh: set in the session that is under way */
    u32 next, acknowledged, gaps;
    u32 previous_last, pending_last, previous_acks, reseal;
    struct slot current, pending, previous;
    u16 reply_length; /* handlers: the cached reply of counter `acknowledged` */
};

/* Everything that a failure erases. */
extern struct kit {
    u8 state, count;
    bool running;    /* an entry is at work: another that finds this so follows a fault */
    bool waiting;    /* a function of the module waits (task.c) */
    bool incarnated;
    u8 incarnation[16];
    u32 generation;
    struct connection at[AUTHENTIC_CONNECTIONS];
    u16 drivers[ENDPOINTS]; /* ids of the verified drivers, by endpoint; 0 without a grant */
} kit;

/* measured.S and the image. */
extern const u8 board_configuration[256], board_kit[32];
extern const u16 board_drivers[ENDPOINTS];
extern const struct authentic_declaration board_interface[], board_interface_end[];
const struct authentic_declaration *interface_at(u16 endpoint, u8 kind);

/* Private memory of one step: the record being processed, and what is being made. */
extern u8 incoming[INCOMING], scratch[SCRATCH];

/* Big-endian numbers at any address. */
u16 get_16(const u8 *at);
u32 get_32(const u8 *at);
u8 *put_16(u8 *to, u16 value);
u8 *put_32(u8 *to, u32 value);
u8 *put_64(u8 *to, u32 value);
/* One of 64 bits where the board counts with 32: beyond that it is the end. */
u32 get_64(const u8 *at);

/* MAC of associated data under a key, 0 for the module's own. `to` is even and has TAG bytes. */
void mac(const void *key, const void *data, u16 length, void *to);
void wipe(void *data, u16 length);

/* step.c: records for the bridge, little-endian: kind u8 | argument u8 | length u16 | body, padded to an even length. */
bool out_has_room(u16 bytes);
u16 out_used(void);
u8 *out_reserve(u8 kind, u8 argument, u16 length);
void out_put(u8 kind, u8 argument, const void *body, u16 length);
void fail(u8 reason);

/* session.c */
void session_receive(u8 type, u8 *message, u16 length);
void session_erase(void);
u16 status_write(u8 *to);

/* table.c */
struct connection *table_find(u32 id);
struct connection *table_find_low(u16 low);
enum refusal table_check(const u8 *records, u16 length, u16 count);
void table_apply(const u8 *records, u16 count);
void table_activate(struct connection *c);
void connection_put(const struct connection *c, u8 state);

/* frames.c */
bool frame_open(u8 *frame, u16 sealed, const struct connection *c, const struct slot *slot, u8 kind, u32 counter, u16 *length);
void frame_put(const struct connection *c, const struct slot *slot, u8 kind, u32 counter, const u8 *text, u16 length);

/* events.c: `again` where the frame was asked back to be sealed again. */
enum frame_refusal frame_receive(u8 *frame, u16 length, bool again);
bool outputs_ready(void);
void trigger(u16 endpoint);

/* task.c */
/* A function that sees `length` bytes behind the header of the frame in `incoming`. */
void task_begin(const struct authentic_event *event, u16 length);
void task_commit(void);
/* Goes on with the function that waits, if what it waits for is there; then it does not come back. */
void task_continue(void);
void request_end(u32 connection, enum authentic_result result, const u8 *reply, u16 length);

/* nonce.c: 8 bytes that never come twice, as far as the board's freshness source goes. */
void nonce_draw(u8 nonce[8]);

/* device.c */
u16 driver_verify(u16 endpoint, const u8 *tag);
enum { DRIVER_READ, DRIVER_WRITE, DRIVER_LEAVE };
u16 driver_call(u16 endpoint, u16 operation, u16 value);
void driver_dismiss(u16 endpoint);

#endif
