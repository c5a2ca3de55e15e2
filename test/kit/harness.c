/* Runs the real kit with the native port in a process of its own and puts the host's side of the rings into the hands of
 * the tests, which speak to it over standard input and output. Entropy, measurement and configuration are injected
 * here, in the port: the core knows nothing of tests. No C library.
 *
 * Request:  length u32 | operation u8 | body        (little-endian; length counts the operation and the body)
 * Response: length u32 | body */
#include <authentic.h>

#include <kit.h>
#include <port.h>

#include "watch.h"

enum { OPERATION_ENTROPY, OPERATION_CONFIGURE, OPERATION_RECORD, OPERATION_ENTER, OPERATION_POKE, OPERATION_PEEK, OPERATION_MEASUREMENT, OPERATION_ENTROPY_FAILS, OPERATION_STATUS, OPERATION_WATCH, OPERATION_WATCHED };
enum { HEADER = 4096, CONTROL = 262144, EVENTS = 262144, OUT = 524288, SIZE = HEADER + CONTROL + EVENTS + OUT };

uint64_t authentic_enter(uint64_t reason, void *shared, uint64_t size);

static _Alignas(4096) uint8_t region[SIZE];
static uint8_t request[1 << 20], entropy[1 << 16], measurement[32];
static size_t entropy_length, entropy_used;
static bool measured, entropy_fails;
static uint32_t out_head;

static long system_call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static void finish(int code) {
    for (;;) system_call(231, code, 0, 0);
}

static void receive(void *to, size_t length) {
    for (size_t done = 0; done < length;) {
        long count = system_call(0, 0, (long)((uint8_t *)to + done), (long)(length - done));
        if (count <= 0) finish(count == 0 && done == 0 ? 0 : 1);
        done += (size_t)count;
    }
}

static void send(const void *from, size_t length) {
    for (size_t done = 0; done < length;) {
        long count = system_call(1, 1, (long)((const uint8_t *)from + done), (long)(length - done));
        if (count <= 0) finish(1);
        done += (size_t)count;
    }
}

bool port_random(uint8_t *out, size_t length) {
    static uint8_t filler;
    if (entropy_fails) return false;
    for (size_t i = 0; i < length; i++) out[i] = entropy_used < entropy_length ? entropy[entropy_used++] : (uint8_t)(++filler * 167 + i);
    return true;
}

bool port_measurement(uint8_t to[32]) {
    if (measured) memcpy(to, measurement, 32);
    return measured;
}

static uint32_t *word(size_t offset) { return (uint32_t *)(region + offset); }

/* A record as a host writes it: ring u8 | kind u16 | argument u16 | body */
static bool put_record(const uint8_t *body, size_t length) {
    size_t tail_at = body[0] ? 192 : 64, head_at = body[0] ? 256 : 128, capacity = body[0] ? EVENTS : CONTROL;
    uint8_t *data = region + HEADER + (body[0] ? CONTROL : 0);
    uint32_t tail = *word(tail_at), size = (uint32_t)(length - 5), padded = (8 + size + 7) & ~7u;
    if (padded > capacity - (tail - *word(head_at))) return false;
    uint8_t header[8];
    memcpy(header, &size, 4);
    memcpy(header + 4, body + 1, 4);
    for (uint32_t i = 0; i < 8 + size; i++) data[(tail + i) & (capacity - 1)] = i < 8 ? header[i] : body[5 + i - 8];
    *word(tail_at) = tail + padded;
    return true;
}

/* Enters and sends the result u8 and all that is in the out ring. */
static void enter(const uint8_t *body) {
    uint64_t reason, size;
    memcpy(&reason, body, 8);
    memcpy(&size, body + 8, 8);
    watch_close(true);
    uint8_t result = (uint8_t)authentic_enter(reason, region, reason == 0 && size == 0 ? SIZE : size);
    watch_close(false);
    uint32_t tail = *word(320), used = tail - out_head, length = 1 + used, start = out_head & (OUT - 1);
    uint32_t first = used < OUT - start ? used : OUT - start;
    const uint8_t *data = region + HEADER + CONTROL + EVENTS;
    send(&length, 4);
    send(&result, 1);
    send(data + start, first);
    send(data, used - first);
    out_head = tail;
    *word(384) = tail;
}

static void answer(const void *body, uint32_t length) {
    send(&length, 4);
    send(body, length);
}

static void initialize_region(void) {
    const uint64_t size = SIZE;
    const uint32_t header[] = {0x52584541, 1}, capacities[] = {CONTROL, EVENTS, OUT, 64};
    memcpy(region, header, 8);
    memcpy(region + 8, &size, 8);
    memcpy(region + 16, capacities, 16);
}

__attribute__((used, noreturn)) void harness_main(void) {
    initialize_region();
    for (;;) {
        uint32_t length;
        receive(&length, 4);
        if (length == 0 || length > sizeof request) finish(2);
        receive(request, length);
        const uint8_t *body = request + 1;
        uint32_t offset, count;
        length--;
        switch (request[0]) {
        case OPERATION_ENTROPY:
            if (entropy_length + length > sizeof entropy) finish(3);
            memcpy(entropy + entropy_length, body, length);
            entropy_length += length;
            answer(NULL, 0);
            break;
        case OPERATION_CONFIGURE:
            system_call(10, (long)port_configuration, 4096, 3); /* mprotect: readable and writable */
            memcpy((void *)(uintptr_t)port_configuration, body, length);
            answer(NULL, 0);
            break;
        case OPERATION_RECORD: {
            uint8_t done = put_record(body, length);
            answer(&done, 1);
            break;
        }
        case OPERATION_ENTER: enter(body); break;
        case OPERATION_POKE:
            memcpy(&offset, body, 4);
            memcpy(region + offset, body + 4, length - 4);
            answer(NULL, 0);
            break;
        case OPERATION_PEEK:
            memcpy(&offset, body, 4);
            memcpy(&count, body + 4, 4);
            answer(region + offset, count);
            break;
        case OPERATION_MEASUREMENT:
            memcpy(measurement, body, 32);
            measured = true;
            answer(NULL, 0);
            break;
        case OPERATION_ENTROPY_FAILS:
            entropy_fails = body[0];
            answer(NULL, 0);
            break;
        case OPERATION_STATUS: { /* what M2 would attest, without a session that disturbs the one that is open */
            static uint8_t status[STATUS_MAXIMUM];
            struct writer w = {status, 0, sizeof status, false};
            status_write(&w);
            answer(status, (uint32_t)w.length);
            break;
        }
        case OPERATION_WATCH:
            watch_start(region, sizeof region);
            answer(NULL, 0);
            break;
        case OPERATION_WATCHED: answer(watch_seen(), sizeof(struct watched)); break;
        default: finish(4);
        }
    }
}

__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n and $-16, %rsp\n call port_relocate\n call harness_main\n");
