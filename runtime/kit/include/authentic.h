/* The module interface: what a module written in C declares and calls. docs/modules.md is the guide.
 *
 *     #include <authentic.h>
 *
 *     AUTHENTIC_CONFIG_INTEGER(limit)
 *     AUTHENTIC_OUTPUT(alarm, 8)
 *
 *     AUTHENTIC_INPUT(reading, 8) {
 *         int64_t value;
 *         if (length != sizeof value) return;
 *         memcpy(&value, data, sizeof value);
 *         if (value > limit()) alarm(&value, sizeof value);
 *     }
 */
#ifndef AUTHENTIC_H
#define AUTHENTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "authentic_limits.h"

/* What outputs, requests and devices answer. Everything but AUTHENTIC_OK left nothing behind, except as noted. */
enum authentic_result {
    AUTHENTIC_OK = 0,
    AUTHENTIC_TOO_LONG = -1,      /* more bytes than declared; of a request also: the reply exceeds `capacity` (it was processed) */
    AUTHENTIC_BURST = -2,         /* the output emitted its declared burst already while this event is processed */
    AUTHENTIC_NOT_CONNECTED = -3, /* no active connection begins here: the event went nowhere */
    AUTHENTIC_EXHAUSTED = -4,     /* a counter reached its end: the connection has to be replaced */
    AUTHENTIC_BUSY = -5,          /* an earlier request of this connection is still unanswered */
    AUTHENTIC_PEER_RESET = -6,    /* the handler lost its state: whether the request was processed is unknown */
    AUTHENTIC_CLOSED = -7,        /* the connection was closed while the request waited: as above */
    AUTHENTIC_REFUSED = -8,       /* the handler returned a negative number */
    AUTHENTIC_NOT_GRANTED = -9,   /* the deployer has not granted this device to this module */
    AUTHENTIC_NO_ROOM = -10,      /* too many device writes or log lines while one event is processed */
    AUTHENTIC_NO_EVENT = -11,     /* called outside of an input, entry or handler */
};

/* docs/protocol.md section 3: kinds of declarations. */
enum authentic_kind {
    AUTHENTIC_KIND_INPUT = 1,
    AUTHENTIC_KIND_OUTPUT,
    AUTHENTIC_KIND_ENTRY,
    AUTHENTIC_KIND_REQUEST,
    AUTHENTIC_KIND_HANDLER,
    AUTHENTIC_KIND_STATE,
    AUTHENTIC_KIND_INTEGER,
    AUTHENTIC_KIND_TEXT,
    AUTHENTIC_KIND_DEVICE,
    AUTHENTIC_KIND_MIGRATION,
};
enum { AUTHENTIC_WRITTEN = 1, AUTHENTIC_READ = 2 };
enum { AUTHENTIC_DROPPED = 1 };

/* docs/protocol.md section 3: one record of `.authentic.interface`. Use the macros below instead. */
struct authentic_declaration {
    uint8_t kind, flags;
    uint16_t version;
    uint32_t maximum, reply_maximum, burst;
    char name[AUTHENTIC_NAME];
    void (*code)(void);
    void *data;
};

/* What is known about the event being processed. */
struct authentic_event {
    bool authenticated; /* false for triggers: anyone on the node may cause them, at any time */
    bool reset;         /* the sender lost its state since the last event of this connection */
    uint32_t connection;
    uint64_t counter; /* of the event within its connection */
    uint64_t gaps;    /* events lost right before this one; only `latest` connections lose any */
};

/* The event being processed; all zero outside of inputs, entries and handlers. */
const struct authentic_event *authentic_event(void);

/* Publishes a line of text: NOT secret, not authenticated; for people who watch the node. At most AUTHENTIC_LOG bytes. */
int authentic_log(const char *text);

/* An input: `AUTHENTIC_INPUT(reading, 8) { … data, length … }`. `maximum` is in bytes, at most AUTHENTIC_EVENT. */
#define AUTHENTIC_INPUT(name, limit)                                                                                   \
    static void name(const void *data, size_t length);                                                                 \
    AUTHENTIC_DECLARE(name, AUTHENTIC_KIND_INPUT, limit, .code = (void (*)(void))name)                                \
    static void name(AUTHENTIC_UNUSED const void *data, AUTHENTIC_UNUSED size_t length)

/* An output, `int name(const void *data, size_t length)`: AUTHENTIC_OK when the event is on its way on every connection.
 * It leaves the module when the handler returns. `burst` is how often it may be called while one event is processed. */
#define AUTHENTIC_OUTPUT(name, limit) AUTHENTIC_OUTPUT_BURST(name, limit, 1)
#define AUTHENTIC_OUTPUT_BURST(name, limit, most)                                                                      \
    AUTHENTIC_DECLARE(name, AUTHENTIC_KIND_OUTPUT, limit, .burst = (most))                                            \
    AUTHENTIC_UNUSED static int name(const void *data, size_t length) {                                                \
        return authentic_emit(&authentic_declaration_##name, data, length);                                            \
    }

/* An entry, called by triggers (without data, not authenticated) and by the deployer (authenticated). */
#define AUTHENTIC_ENTRY(name, limit)                                                                                   \
    static void name(const void *data, size_t length);                                                                 \
    AUTHENTIC_DECLARE(name, AUTHENTIC_KIND_ENTRY, limit, .code = (void (*)(void))name)                                \
    static void name(AUTHENTIC_UNUSED const void *data, AUTHENTIC_UNUSED size_t length)

/* A request, `int name(const void *data, size_t length, void *reply, size_t capacity, size_t *reply_length)`.
 * Blocks until the handler has replied; meanwhile the module processes no other event. The request leaves at once;
 * outputs of the same event still wait for its end. */
#define AUTHENTIC_REQUEST(name, limit, reply_limit)                                                                    \
    AUTHENTIC_DECLARE(name, AUTHENTIC_KIND_REQUEST, limit, .reply_maximum = (reply_limit))                            \
    AUTHENTIC_UNUSED static int name(const void *data, size_t length, void *reply, size_t capacity,                    \
                                     size_t *reply_length) {                                                           \
        return authentic_request(&authentic_declaration_##name, data, length, reply, capacity, reply_length);          \
    }

/* A handler of requests: returns the length of the reply it wrote to `reply`, or a negative number to refuse. */
#define AUTHENTIC_HANDLER(name, limit, reply_limit)                                                                    \
    static int64_t name(const void *data, size_t length, void *reply, size_t capacity);                                \
    static uint8_t authentic_replies_##name[AUTHENTIC_CLIENTS + 1][(reply_limit) + 1];                                 \
    AUTHENTIC_DECLARE(name, AUTHENTIC_KIND_HANDLER, limit, .reply_maximum = (reply_limit),                             \
                      .code = (void (*)(void))name, .data = authentic_replies_##name)                                 \
    static int64_t name(AUTHENTIC_UNUSED const void *data, AUTHENTIC_UNUSED size_t length,                             \
                        AUTHENTIC_UNUSED void *reply, AUTHENTIC_UNUSED size_t capacity)

/* An object of static storage that moves along with updates and migrations: `AUTHENTIC_STATE(struct tank, tank, 1)`.
 * It must contain no pointers. `schema` names its layout, 1 to 65535: give a changed layout another number, and say below
 * what becomes of the old one. An object that the instance before did not have keeps its initial value. */
#define AUTHENTIC_STATE(type, name, schema)                                                                            \
    static type name;                                                                                                  \
    AUTHENTIC_DECLARE(name, AUTHENTIC_KIND_STATE, sizeof(type), .version = (schema), .data = &name)

/* Takes over what the instance before kept under this name and schema:
 *
 *     AUTHENTIC_MIGRATE(tank, 1, struct tank_1) {
 *         tank.level = old->level * 10;
 *         return true;
 *     }
 *
 * Runs while the old instance can still go on: false, a fault or too long a time leave that one running. It emits nothing. */
#define AUTHENTIC_MIGRATE(name_, schema, old_type)                                                                     \
    static bool authentic_migrate_##name_##_##schema(const old_type *old);                                             \
    static bool authentic_migration_##name_##_##schema(const void *bytes) {                                            \
        static old_type copy; /* aligned */                                                                            \
        memcpy(&copy, bytes, sizeof copy);                                                                             \
        bool taken = authentic_migrate_##name_##_##schema(&copy);                                                      \
        memset(&copy, 0, sizeof copy);                                                                                 \
        return taken;                                                                                                  \
    }                                                                                                                  \
    AUTHENTIC_RECORD(name_##_from_##schema, #name_, AUTHENTIC_KIND_MIGRATION, sizeof(old_type), .version = (schema),   \
                     .code = (void (*)(void))authentic_migration_##name_##_##schema)                                   \
    static bool authentic_migrate_##name_##_##schema(AUTHENTIC_UNUSED const old_type *old)

/* Forgets what the instance before kept under this name, where nothing above takes it over: `AUTHENTIC_DROP(tank)`. */
#define AUTHENTIC_DROP(name_)                                                                                          \
    AUTHENTIC_RECORD(name_##_dropped, #name_, AUTHENTIC_KIND_MIGRATION, 0, .flags = AUTHENTIC_DROPPED)

/* Measured configuration: `int64_t name(void)`. */
#define AUTHENTIC_CONFIG_INTEGER(name)                                                                                 \
    AUTHENTIC_DECLARE(name, AUTHENTIC_KIND_INTEGER, 0, )                                                              \
    AUTHENTIC_UNUSED static int64_t name(void) { return authentic_integer(&authentic_declaration_##name); }

/* Measured configuration: `const char *name(void)`, at most `limit` bytes and a terminating zero. */
#define AUTHENTIC_CONFIG_TEXT(name, limit)                                                                             \
    static char authentic_text_##name[(limit) + 1];                                                                    \
    AUTHENTIC_DECLARE(name, AUTHENTIC_KIND_TEXT, limit, .data = authentic_text_##name)                                \
    AUTHENTIC_UNUSED static const char *name(void) { return authentic_text_##name; }

/* A device of the node: `int name_write(uint32_t)` when AUTHENTIC_WRITTEN, `uint32_t name_read(void)` when AUTHENTIC_READ.
 * Writes need the deployer's grant and leave when the handler returns. What is read is only as true as the node's
 * devices are protected: not at all where the operating system stands between. */
#define AUTHENTIC_DEVICE(name, access)                                                                                 \
    AUTHENTIC_DECLARE(name, AUTHENTIC_KIND_DEVICE, 0, .flags = (access))                                              \
    AUTHENTIC_UNUSED static int name##_write(uint32_t value)                                                           \
        AUTHENTIC_WANTS((access) & AUTHENTIC_WRITTEN, "this device is not declared AUTHENTIC_WRITTEN") {                \
        return authentic_device_write(&authentic_declaration_##name, value);                                           \
    }                                                                                                                  \
    AUTHENTIC_UNUSED static uint32_t name##_read(void)                                                                 \
        AUTHENTIC_WANTS((access) & AUTHENTIC_READ, "this device is not declared AUTHENTIC_READ") {                      \
        return authentic_device_read(&authentic_declaration_##name);                                                   \
    }

#define AUTHENTIC_UNUSED __attribute__((unused))
#define AUTHENTIC_WANTS(condition, text) __attribute__((diagnose_if(!(condition), text, "error")))

/* Puts a declaration into the image. Not const: the loader relocates its pointers. */
#define AUTHENTIC_DECLARE(name_, kind_, maximum_, ...) AUTHENTIC_RECORD(name_, #name_, kind_, maximum_, __VA_ARGS__)
#define AUTHENTIC_RECORD(id_, text_, kind_, maximum_, ...)                                                             \
    _Static_assert(sizeof(text_) <= AUTHENTIC_NAME, "authentic: the name " text_ " is longer than 47 characters");     \
    __attribute__((used, aligned(sizeof(void *)),                                                                      \
                   section(".authentic.interface"))) static struct authentic_declaration                               \
        authentic_declaration_##id_ = {.kind = kind_, .maximum = (maximum_), .name = text_, __VA_ARGS__};

int authentic_emit(const struct authentic_declaration *output, const void *data, size_t length);
int authentic_request(const struct authentic_declaration *request, const void *data, size_t length, void *reply,
                      size_t capacity, size_t *reply_length);
int64_t authentic_integer(const struct authentic_declaration *integer);
int authentic_device_write(const struct authentic_declaration *device, uint32_t value);
uint32_t authentic_device_read(const struct authentic_declaration *device);

#endif
