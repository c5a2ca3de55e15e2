/* Feeds mutated inputs to every parser of the kit. Cryptography is replaced by stand-ins that find everything authentic
 * (fuzz-crypto.c), so that the parsers behind signatures and ciphers are reached by every input; the kit is built with
 * traps for undefined behaviour. Arguments: parser number, inputs, seed. No C library.
 *
 * Each round starts from a valid input, changes it in a few places or cuts it, and gives it to the kit. Every so often
 * the kit is put back to a good state, so that parsers that need one keep seeing it. */
#include <authentic.h>

#include <kit.h>

uint64_t kit_enter(uint64_t reason, void *shared, uint64_t size);

enum { HEADER = 4096, CONTROL = 262144, EVENTS = 65536, OUT = 524288, SIZE = HEADER + CONTROL + EVENTS + OUT };
enum parser { FUZZ_M1, FUZZ_M3, FUZZ_ACTIVATE, FUZZ_COMMAND, FUZZ_EVENT, FUZZ_ANSWER, FUZZ_RESEAL, FUZZ_PREPARE, FUZZ_ACCEPT, FUZZ_RING, FUZZ_CONFIG, FUZZ_OFFER, FUZZ_SPONGE_EVENT, FUZZ_SPONGE_ANSWER, FUZZ_SPONGE_RESEAL, PARSERS };

static _Alignas(4096) uint8_t region[SIZE];
static uint8_t input[AUTHENTIC_MESSAGE], seed_input[AUTHENTIC_MESSAGE];
static uint64_t random_state;
/* Of the connections in the table. */
static uint8_t suite = SUITE_CHACHA;

static long system_call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static _Noreturn void finish(int code) {
    for (;;) system_call(231, code, 0, 0);
}

static void say(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    system_call(1, 1, (long)text, (long)length);
}

static void say_number(uint64_t value) {
    char digits[21];
    size_t at = sizeof digits;
    digits[--at] = 0;
    do digits[--at] = (char)('0' + value % 10); while ((value /= 10) > 0);
    say(digits + at);
}

/* SplitMix64. */
static uint64_t next_random(void) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

bool port_random(uint8_t *out, size_t length) {
    for (size_t i = 0; i < length; i++) out[i] = (uint8_t)(i + 1);
    return true;
}

bool port_measurement(uint8_t measurement[32]) {
    memset(measurement, 0, 32);
    return true;
}

/* A set record of a connection that exists or not. */
static void write_set(struct writer *w, uint32_t id, uint16_t endpoint, enum direction direction, uint64_t epoch, uint64_t first, bool typed) {
    static const uint8_t key[32];
    if (typed) {
        write_number(w, RECORD_SET, 1);
        write_number(w, 68, 2);
    }
    write_number(w, id, 4);
    write_number(w, endpoint, 2);
    write_number(w, direction, 1);
    write_number(w, STRICT, 1);
    write_number(w, direction == DEPLOYER ? 0 : suite, 1);
    write_number(w, 0, 1);
    write_number(w, direction == DEPLOYER ? 0 : 4, 2);
    write_number(w, direction == DEPLOYER ? 0 : epoch, 8);
    write_bytes(w, key, 32);
    write_number(w, first, 8);
    write_number(w, UINT64_MAX, 8);
}

/* The table that frames and records refer to: one connection of each direction. */
static void restore(void) {
    static const uint16_t endpoints[] = {0, 1, 0, 5, 4, 0};
    uint8_t records[6 * 71];
    struct writer w = {records, 0, sizeof records, false};
    task_abandon();
    memset(&kit.table, 0, sizeof kit.table);
    kit.state = STATE_ACTIVE;
    for (uint32_t id = 1; id <= DEPLOYER; id++) write_set(&w, id, endpoints[id], (enum direction)id, 1, 1, true);
    struct reader r = {records, w.length, false};
    table_draft();
    if (table_apply(&r, 5)) finish(10);
    table_commit();
    for (size_t i = 0; i < kit.table.count; i++) {
        struct connection *c = &kit.table.at[i];
        if (c->direction == DEPLOYER) continue;
        table_activate(c);
        c->previous = c->current;
        c->previous.epoch = 7;
        c->current.epoch = 8;
        c->previous_last = c->previous_acks = 100;
        c->pending = c->current;
        c->pending.epoch = 9;
        if (c->direction == SENDER || c->direction == CLIENT) c->next = 50;
    }
    memset(&session, 0, sizeof session);
    session.step = CHALLENGED;
    session.purpose = CONFIGURE;
    __atomic_store_n((uint32_t *)(region + 384), *(uint32_t *)(region + 320), __ATOMIC_RELEASE);
}

static void write_frame(struct writer *w, enum frame_kind kind, uint32_t connection, uint64_t epoch, uint64_t counter) {
    write_number(w, 1, 1);
    write_number(w, kind, 1);
    write_number(w, connection, 4);
    write_number(w, epoch, 8);
    write_number(w, counter, 8);
    /* An ack is a tag alone; other plaintexts end in two bytes of padding, as SpongeWrap's do. */
    for (unsigned i = 0; i < 18 && kind != ACK; i++) write_number(w, 'x', 1);
    if (kind != ACK) write_number(w, 2, 2);
    for (unsigned i = 0; i < (suite == SUITE_SPONGE_64 ? 8 : CRYPTO_TAG); i++) write_number(w, 'x', 1);
}

static void zeros(struct writer *w, size_t length) {
    while (length-- > 0) write_number(w, 0, 1);
}

static void write_prepare(struct writer *w) {
    write_bytes(w, "AEXP\1", 5);
    zeros(w, 32);
    write_bytes(w, kit.incarnation, 16);
    zeros(w, 32);
    write_bytes(w, kit.incarnation, 16);
    zeros(w, 32 + 32 + 32);
    zeros(w, 32 + CRYPTO_TAG + SIGNATURE);
}

/* A valid input of a parser. */
static size_t write_input(enum parser parser) {
    struct writer w = {seed_input, 0, sizeof seed_input, false};
    switch (parser) {
    case FUZZ_M1:
        write_bytes(&w, "AEX1\1\2\0\1", 8);
        write_bytes(&w, identity.deployment, 16);
        write_bytes(&w, identity.instance, 16);
        zeros(&w, 64 + SIGNATURE);
        break;
    case FUZZ_M3:
        zeros(&w, 32);
        write_number(&w, 26 + 71 + 8 + 53 + 71 + CRYPTO_TAG, 2);
        write_bytes(&w, kit.incarnation, 16);
        write_number(&w, kit.table.generation, 8);
        write_number(&w, 4, 2);
        write_set(&w, 77, 1, SENDER, 1, 1, true);
        write_bytes(&w, "\2\0\5\0\0\0\1\1", 8);
        write_bytes(&w, "\3\0\x32\0\2", 5);
        zeros(&w, 32);
        write_bytes(&w, kit.incarnation, 16);
        write_set(&w, 2, 0, RECEIVER, 10, 0, true);
        zeros(&w, CRYPTO_TAG + SIGNATURE);
        break;
    case FUZZ_ACTIVATE:
        write_bytes(&w, "AEXA\1", 5);
        zeros(&w, 32);
        write_number(&w, 2, 2);
        for (uint32_t id = 2; id <= 4; id += 2) {
            write_number(&w, id, 4);
            zeros(&w, 8);
        }
        zeros(&w, SIGNATURE);
        break;
    case FUZZ_COMMAND:
        zeros(&w, 32);
        write_number(&w, 35 + 12 + CRYPTO_TAG, 4);
        write_bytes(&w, kit.incarnation, 16);
        write_bytes(&w, "\1\0\0\0\0\0\5\0\0\0\0\0\0\0\1\0\0\0\14commandscome", 31);
        zeros(&w, CRYPTO_TAG + SIGNATURE);
        break;
    case FUZZ_EVENT:
    case FUZZ_SPONGE_EVENT: write_frame(&w, next_random() & 1 ? EVENT : REQUEST, next_random() & 1 ? 2 : 4, 7 + next_random() % 3, 1 + next_random() % 3); break;
    case FUZZ_ANSWER:
    case FUZZ_SPONGE_ANSWER: write_frame(&w, next_random() & 1 ? ACK : REPLY, next_random() & 1 ? 1 : 3, 7 + next_random() % 3, 1 + next_random() % 50); break;
    case FUZZ_RESEAL:
    case FUZZ_SPONGE_RESEAL: write_frame(&w, next_random() & 1 ? EVENT : REQUEST, next_random() & 1 ? 1 : 3, 7 + next_random() % 2, 1 + next_random() % 3); break;
    case FUZZ_PREPARE: write_prepare(&w); break;
    case FUZZ_OFFER:
        write_prepare(&w);
        write_bytes(&w, "AEXS\1", 5);
        zeros(&w, 32);
        write_bytes(&w, "\0\2\6memory\0\3\0\0\0\x10", 15);
        zeros(&w, 16);
        write_bytes(&w, "\4gone\0\1\0\0\0\0", 11);
        write_bytes(&w, "\0\1\6device\0\3\6output", 18);
        write_set(&w, 1, 9, SENDER, 5, 9, false);
        zeros(&w, 20);
        write_bytes(&w, "\7handler", 8);
        write_set(&w, 2, 9, HANDLER, 5, 9, false);
        zeros(&w, 16);
        write_bytes(&w, "\0\0\0\4\0abc", 8);
        write_bytes(&w, "\4lost", 5);
        write_set(&w, 3, 9, RECEIVER, 5, 9, false);
        zeros(&w, 20 + 32 + CRYPTO_TAG + SIGNATURE);
        break;
    case FUZZ_ACCEPT:
        write_bytes(&w, "AEXR\1", 5);
        zeros(&w, 64 + SIGNATURE + 32);
        for (uint32_t id = 1; id <= 3; id++) {
            write_number(&w, id, 4);
            zeros(&w, 32);
        }
        zeros(&w, CRYPTO_TAG);
        break;
    default: break;
    }
    if (w.bad) finish(11);
    return w.length;
}

/* Changes a few bytes, often to values at the edges, or the length. */
static size_t mutate(size_t length) {
    static const uint8_t edges[] = {0, 1, 2, 4, 5, 8, 16, 64, 127, 128, 254, 255};
    memcpy(input, seed_input, length);
    for (unsigned changes = (unsigned)(next_random() % 5); changes > 0 && length > 0; changes--) {
        size_t at = next_random() % length;
        uint64_t r = next_random();
        input[at] = r & 1 ? (uint8_t)(r >> 8) : r & 2 ? edges[(r >> 8) % sizeof edges] : input[at] ^ (uint8_t)(1u << (r >> 8 & 7));
    }
    uint64_t r = next_random();
    if (r % 8 == 0) return (r >> 8) % (length + 1);
    if (r % 8 == 1 && length + 64 < sizeof input) return length + (r >> 8) % 64;
    return length;
}

static void open_rings(void) {
    const uint64_t size = SIZE;
    const uint32_t header[] = {0x52584541, 1}, capacities[] = {CONTROL, EVENTS, OUT, 64};
    memset(region, 0, HEADER);
    memcpy(region, header, 8);
    memcpy(region + 8, &size, 8);
    memcpy(region + 16, capacities, 16);
    if (!ring_open(region, SIZE)) finish(12);
    kit.state = STATE_NEW;
}

/* Positions and records of any kind; returns how many records were taken whole. */
static uint64_t fuzz_ring(void) {
    static const size_t positions[] = {64, 192, 384};
    enum ring_name name = (enum ring_name)(next_random() & 1);
    uint32_t *tail = (uint32_t *)(region + positions[name]);
    uint8_t *data = region + HEADER + (name == RING_EVENTS ? CONTROL : 0);
    uint32_t capacity = name == RING_EVENTS ? EVENTS : CONTROL, length = (uint32_t)(next_random() % 64);
    if (next_random() % 64 == 0) length = (uint32_t)next_random();
    for (unsigned i = 0; i < 4; i++) data[(*tail + i) & (capacity - 1)] = (uint8_t)(length >> 8 * i);
    *tail += (8 + length + 7) & ~7u;
    if (next_random() % 64 == 0) *(uint32_t *)(region + positions[next_random() % 3]) = (uint32_t)next_random();
    uint64_t taken = 0;
    struct record record;
    while (ring_peek(name, &record)) taken += ring_take(name, &record, input, next_random() % 2 ? sizeof input : 16);
    out_put(OUT_LOG, 0, PARTS({input, next_random() % 4096}));
    if (kit.state == STATE_FAILED) open_rings();
    return taken;
}

/* Whether the kit answered the message just given to it with anything but a refusal. */
static bool answered_with(enum message type, const uint8_t *message, size_t length) {
    uint32_t before = *(uint32_t *)(region + 320);
    const uint8_t *at = region + HEADER + CONTROL + EVENTS + (before & (OUT - 1));
    session_receive(type, message, length);
    out_publish();
    return *(uint32_t *)(region + 320) != before && !(at[0] == 3 && at[8] == 0xff);
}

static bool answered(enum message type, size_t length) { return answered_with(type, input, length); }

/* Gives one input to its parser; true when it was accepted. */
static bool feed(enum parser parser, size_t length) {
    session.step = CHALLENGED;
    session.purpose = CONFIGURE;
    switch (parser) {
    case FUZZ_M1: return answered(M1, length);
    case FUZZ_M3: return answered(M3, length);
    case FUZZ_ACTIVATE:
        session.step = KEYED;
        session.keyed = 2;
        session.keys[0].connection = 2;
        session.keys[1].connection = 4;
        return answered(ACTIVATE, length);
    case FUZZ_COMMAND: session.purpose = COMMAND; return answered(MESSAGE_COMMAND, length);
    case FUZZ_EVENT:
    case FUZZ_SPONGE_EVENT: memcpy(incoming, input, length < sizeof incoming ? length : sizeof incoming); return event_receive(incoming, length) == FRAME_ACCEPTED;
    case FUZZ_ANSWER:
    case FUZZ_SPONGE_ANSWER: return answer_receive(input, length) == FRAME_ACCEPTED;
    case FUZZ_RESEAL:
    case FUZZ_SPONGE_RESEAL: return reseal_receive(input, length) == FRAME_ACCEPTED;
    case FUZZ_PREPARE:
        session.purpose = HAND_OVER;
        memset(session.nonce, 0, 32);
        for (size_t i = 0; i < kit.table.count; i++) kit.table.at[i].previous.epoch = 0; /* nothing to re-seal */
        return answered(PREPARE, length);
    case FUZZ_OFFER:
    case FUZZ_ACCEPT:
        session.purpose = HAND_OVER;
        memset(session.public, 0, 32);
        memset(&kit.table, 0, sizeof kit.table);
        kit.state = STATE_NEW;
        if (parser == FUZZ_OFFER) return answered(OFFER, length);
        size_t offered = write_input(FUZZ_OFFER);
        session.step = CHALLENGED;
        if (!answered_with(OFFER, seed_input, offered)) finish(12);
        return answered(ACCEPT, length);
    default: return false;
    }
}

static void check(void) {
    if (kit.table.count > AUTHENTIC_CONNECTIONS) finish(20);
    for (size_t i = 0; i < kit.table.count; i++)
        if (kit.table.at[i].endpoint >= interface_count() || kit.table.at[i].acknowledged >= kit.table.at[i].next) finish(21);
}

/* The configuration of quiet.c: one integer. */
static void write_configuration(uint8_t *block) {
    memset(block, 0, 100);
    memcpy(block, "AEXC\1\0\0\x5b", 8);
    memcpy(block + 73, "\1\5limit\1\0\10________", 18);
}

static uint64_t number(const char *text) {
    uint64_t value = 0;
    while (*text >= '0' && *text <= '9') value = value * 10 + (uint64_t)(*text++ - '0');
    return value;
}

__attribute__((used, noreturn)) void fuzz_main(const long *stack) {
    const char *const *arguments = (const char *const *)(stack + 1);
    if (stack[0] != 4) finish(2);
    enum parser parser = (enum parser)number(arguments[1]);
    uint64_t rounds = number(arguments[2]), seed = random_state = number(arguments[3]), good = 0;
    const uint64_t size = SIZE;
    const uint32_t header[] = {0x52584541, 1}, capacities[] = {CONTROL, EVENTS, OUT, 64};
    memcpy(region, header, 8);
    memcpy(region + 8, &size, 8);
    memcpy(region + 16, capacities, 16);
    uint8_t *block = (uint8_t *)(uintptr_t)port_configuration;
    /* The kit declares it constant: a compiler that knew what this points at would leave the changes out. */
    __asm__("" : "+r"(block));
    system_call(10, (long)block, 4096, 3);
    write_configuration(block);
    if (kit_enter(0, region, SIZE) != IDLE) finish(3);
    for (uint64_t round = 0; round < rounds; round++) {
        if (parser == FUZZ_CONFIG) {
            write_configuration(block);
            for (unsigned i = 0; i < next_random() % 3; i++) block[next_random() % 100] = (uint8_t)next_random();
            good += config_load();
            continue;
        }
        if (parser == FUZZ_RING) {
            good += fuzz_ring();
            continue;
        }
        if (round % 64 == 0) {
            if (parser >= FUZZ_SPONGE_EVENT) suite = next_random() & 1 ? SUITE_SPONGE_128 : SUITE_SPONGE_64;
            restore();
        }
        size_t length = write_input(parser);
        good += feed(parser, mutate(length));
        kit.state = STATE_ACTIVE;
        check();
        out_publish();
        __atomic_store_n((uint32_t *)(region + 384), *(uint32_t *)(region + 320), __ATOMIC_RELEASE);
    }
    say("parser ");
    say_number(parser);
    say(": ");
    say_number(rounds);
    say(" inputs, seed ");
    say_number(seed);
    say(", accepted ");
    say_number(good);
    say("\n");
    finish(0);
}

__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rbx\n and $-16, %rsp\n call port_relocate\n mov %rbx, %rdi\n call fuzz_main\n");
