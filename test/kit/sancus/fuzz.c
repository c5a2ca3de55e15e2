/* Feeds mutated records of a bridge to the kit of Sancus boards, compiled for this machine with checks of every access. The crypto
 * unit is a stand-in whose tags are zero and which finds everything authentic, so that inputs reach the parsers behind it.
 * Arguments: parser number, inputs, seed. */
#include <stdio.h>
#include <stdlib.h>

#include "kit.h"

u16 authentic_step(const void *from, u16 length, void *to, u16 capacity);

enum parser { FUZZ_S1, FUZZ_S3, FUZZ_ACTIVATE, FUZZ_EVENT, FUZZ_ACK, FUZZ_RESEAL, FUZZ_TRIGGER, PARSERS };
/* Endpoints, in the order of the declarations. */
enum { OUTPUT, DEVICE, INPUT, HANDLE, ENTRY, ROOM = 640 };

/* GCC has no such check. */
#undef AUTHENTIC_WANTS
#define AUTHENTIC_WANTS(condition, text)

AUTHENTIC_OUTPUT_BURST(output, 64, 2)
AUTHENTIC_DEVICE(device, AUTHENTIC_WRITTEN)
AUTHENTIC_INPUT(input, 64) {
    output(data, length);
    output(data, length);
    authentic_device_write(&authentic_declaration_device, (uint32_t)length);
}
AUTHENTIC_HANDLER(handler, 32, 64) {
    if (length == 0 || length * 2 > capacity) return -1;
    memcpy(reply, data, length);
    memcpy((u8 *)reply + length, data, length);
    return (int64_t)length * 2;
}
AUTHENTIC_ENTRY(entry, 0) {
    authentic_log("a line that is longer than the sixty-four bytes which are published of it");
    output("x", 1);
}

const u8 board_configuration[256] = {0}, board_kit[32] = {0};
const u16 board_drivers[ENDPOINTS] = {2, 2, 2, 2, 2, 2};
u16 sancus_preset;

u16 sancus_wrap(const struct sancus_crypt *job) {
    size_t length = (size_t)((const u8 *)job->body_end - (const u8 *)job->body);
    if (length) memmove(job->output, job->body, length);
    memset(job->tag, 0, TAG);
    return 1;
}
u16 sancus_unwrap(const struct sancus_crypt *job) {
    volatile u8 read = 0; /* the unit reads the tag */
    for (u16 i = 0; i < TAG; i++) read ^= ((const u8 *)job->tag)[i];
    memmove(job->output, job->body, (size_t)((const u8 *)job->body_end - (const u8 *)job->body));
    return 1;
}
u16 sancus_verify(const void *address, const void *tag) {
    static const u8 zero[TAG];
    return address && memcmp(tag, zero, TAG) == 0 ? 5 : 0;
}
u16 sancus_id(const void *address) { return address ? 5 : 0; }
/* No function here makes a request, so none may ever wait (test/tee/sancus/requests.test.ts has one that does). */
void sancus_suspend(u16 result) {
    (void)result;
    abort();
}
_Noreturn void sancus_resume(void) { abort(); }
u16 sancus_call(u16 id, const void *target, u16 entry, const u16 arguments[4]) { return (u16)(id + !target + entry + arguments[0]); }
u16 sancus_outside(const void *start, u16 length) { return start && length; }
u16 sancus_equal(const void *a, const void *b, u16 length) { return memcmp(a, b, length) == 0; }
void sancus_disable(void) {}
void nonce_draw(u8 nonce[8]) { memcpy(nonce, "\1\2\3\4\5\6\7\10", 8); }

static uint64_t random_state;

/* SplitMix64. */
static uint64_t next_random(void) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static _Noreturn void broken(const char *what) {
    printf("broken: %s\n", what);
    exit(1);
}

static u8 seed[INCOMING];

static u8 *put(u8 *at, const void *bytes, u16 length) {
    memcpy(at, bytes, length);
    return at + length;
}

static u8 *zeros(u8 *at, u16 length) {
    memset(at, 0, length);
    return at + length;
}

static u8 *set(u8 *at, u32 id, u16 endpoint, u8 direction, u32 epoch, u32 first) {
    *at++ = 1;
    at = put_16(put_32(put_16(at, 36 + TAG), id), endpoint);
    *at++ = direction;
    *at++ = STRICT;
    *at++ = SUITE;
    *at++ = 0;
    at = zeros(put_64(put_16(at, 8), epoch), TAG);
    at = put_64(at, first);
    memset(at, 0xff, 8);
    return at + 8;
}

/* Tables as the records of a session leave them: one connection of each kind, with all of its epochs. While the sender has
 * frames to seal again, nothing else is processed. */
static void restore(bool resealing) {
    static u8 out[ROOM], message[2 + 20 + TAG] = {IN_MESSAGE, 1, 'S', '1', 1, CONFIGURE};
    u8 records[3 * (39 + TAG)], *end = records;
    memset(&kit, 0, sizeof kit);
    session_erase();
    authentic_step(message, sizeof message, out, sizeof out);
    end = set(set(set(records, 1, OUTPUT, SENDER, 1, 1), 2, INPUT, RECEIVER, 1, 1), 3, HANDLE, HANDLER, 1, 1);
    if (table_check(records, (u16)(end - records), 3)) broken("the records of a good table");
    table_apply(records, 3);
    kit.state = STATE_ACTIVE;
    for (struct connection *c = kit.at; c < kit.at + kit.count; c++) {
        table_activate(c);
        c->previous = c->pending = c->current;
        c->previous.epoch = 7;
        c->current.epoch = 8;
        c->pending.epoch = 9;
        c->previous_last = c->previous_acks = 100;
        if (c->direction == SENDER) {
            c->next = 5;
            c->reseal = resealing ? 1 : 101;
        }
    }
}

static u8 *write_s1(u8 *at) { return zeros(put(at, "\1\1S1\1\2", 6), 16 + TAG); }

static u8 *write_s3(u8 *at) {
    u8 *size = put(at, "\1\2", 2), *text = size + 2;
    at = put_16(put_64(put(text, kit.incarnation, 16), kit.generation), 4);
    at = put(set(at, 77, OUTPUT, SENDER, 1, 1), "\2\0\5\0\0\0\3\1", 8);
    at = put_16(put(at, "\3\0\x32", 3), DEVICE);
    at = put(zeros(at, 32), kit.incarnation, 16);
    at = set(at, 2, INPUT, RECEIVER, 10, 0);
    if ((at - text) & 1) *at++ = 0;
    put_16(size, (u16)(at - text));
    return zeros(at, TAG);
}

static u8 *write_frame(u8 *at, u8 in, u8 kind, u16 connection, u32 counter) {
    u16 n = kind == ACK ? 0 : (u16)(2 + 2 * (next_random() % 16));
    *at++ = in;
    *at++ = 0;
    *at++ = (u8)(1 << 4 | kind);
    *at++ = (u8)(7 + next_random() % 3);
    at = zeros(put_32(put_16(at, connection), counter), n);
    if (n) at[-1] = (u8)(1 + next_random() % 2);
    return zeros(at, TAG);
}

static u16 write_input(enum parser parser) {
    u8 *end = seed;
    uint64_t r = next_random();
    switch (parser) {
    case FUZZ_S1: end = write_s1(seed); break;
    case FUZZ_S3: end = write_s3(seed); break;
    case FUZZ_ACTIVATE: end = zeros(put(seed, "\1\3SA", 4), 2 * TAG); break;
    case FUZZ_EVENT: end = write_frame(seed, IN_FRAME, r & 1 ? EVENT : REQUEST, r & 1 ? 2 : 3, 1 + (r >> 8) % 4); break;
    case FUZZ_ACK: end = write_frame(seed, IN_FRAME, ACK, 1, 1 + (r >> 8) % 6); break;
    case FUZZ_RESEAL: end = write_frame(seed, IN_RESEAL, EVENT, 1, kit.count ? kit.at[0].reseal : 1); break;
    default: end = put(seed, "\4\4", 2); break;
    }
    return (u16)(end - seed);
}

/* Changes a few bytes, often to values at the edges, or the length. */
static u16 mutate(u16 length) {
    static const u8 edges[] = {0, 1, 2, 4, 5, 8, 16, 64, 127, 128, 254, 255};
    for (unsigned changes = (unsigned)(next_random() % 5); changes > 0; changes--) {
        u16 at = next_random() % length;
        uint64_t r = next_random();
        seed[at] = r & 1 ? (u8)(r >> 8) : r & 2 ? edges[(r >> 8) % sizeof edges] : seed[at] ^ (u8)(1u << (r >> 8 & 7));
    }
    uint64_t r = next_random();
    if (r % 8 == 0) return (u16)((r >> 8) % (length + 1u));
    if (r % 8 == 1) return length + (u16)((r >> 8) % (sizeof seed - length + 1u));
    return length;
}

/* Each record in memory of its own and of its length, so that an access beside it shows. */
static u16 step(const u8 *record, u16 length, u8 *out, u16 room) {
    u8 *in = malloc(length ? length : 1);
    memcpy(in, record, length);
    u16 used = authentic_step(in, length, out, room);
    free(in);
    if (used > room) broken("more was written than there was room for");
    return used;
}

/* Whether nothing that the kit left for the bridge is a refusal. */
static bool accepted(const u8 *out, u16 used) {
    for (u16 at = 0; at < used;) {
        u16 length = (u16)(out[at + 2] | out[at + 3] << 8);
        if (out[at] == OUT_REFUSED || out[at] == OUT_FAILED || out[at] == OUT_BLOCKED || (out[at] == OUT_REPLY && out[at + 4] == 0xff)) return false;
        at += 4 + ((length + 1) & ~1);
        if (at > used) broken("a record ends beyond the end");
    }
    return used > 0;
}

static void check(void) {
    if (kit.count > AUTHENTIC_CONNECTIONS) broken("more connections than there is room for");
    for (u16 i = 0; i < kit.count; i++)
        if (kit.at[i].endpoint > ENTRY || kit.at[i].acknowledged >= kit.at[i].next) broken("a connection that cannot be");
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    enum parser parser = (enum parser)atoi(arguments[1]);
    uint64_t rounds = strtoull(arguments[2], NULL, 10), start = random_state = strtoull(arguments[3], NULL, 10), good = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        if (round % 16 == 0 || kit.state == STATE_FAILED) restore(parser == FUZZ_RESEAL);
        u16 room = next_random() % 16 ? ROOM : (u16)(next_random() % ROOM);
        u8 *out = malloc(room ? room : 1);
        if (parser == FUZZ_S3 || parser == FUZZ_ACTIVATE) {
            static u8 first[INCOMING], reply[ROOM];
            restore(false);
            step(first, (u16)(write_s1(first) - first), reply, ROOM);
            if (parser == FUZZ_ACTIVATE) step(first, (u16)(write_s3(first) - first), reply, ROOM);
        }
        u16 length = mutate(write_input(parser));
        good += accepted(out, step(seed, length, out, room));
        free(out);
        check();
    }
    printf("parser %d: %llu inputs, seed %llu, accepted %llu\n", parser, (unsigned long long)rounds, (unsigned long long)start, (unsigned long long)good);
    return 0;
}
