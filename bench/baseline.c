/* What events are compared with: two processes on loopback that exchange the same bytes.
 *
 *     baseline tsc                   cycles of the time-stamp counter in a second
 *     baseline latency KIND SIZE N   N round trips; prints their times in cycles, one a line
 *     baseline throughput KIND MS    events of 64 bytes for that long; prints events a second
 *
 * Two further arguments say on which processors the two run.
 * KIND `bare`: blocking reads and writes of as many bytes as a frame has. KIND `framed`: frames of docs/protocol.md
 * section 6, checked as far as that needs no key, in order, acknowledged, and with no more under way than a window. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PREFIX = 4, HEADER = 22, TAG = 16, OVERHEAD = PREFIX + HEADER + TAG, EVENT = 1, ACK = 4, WINDOW = 1024, BUFFER = 1 << 16 };

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Two ends of a connection over loopback, without delays. */
static void connected(int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1)) die("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &length)) die("getsockname");
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (ends[0] < 0 || connect(ends[0], (struct sockaddr *)&address, length)) die("connect");
    ends[1] = accept(listener, NULL, NULL);
    if (ends[1] < 0) die("accept");
    for (int i = 0; i < 2; i++) setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    close(listener);
}

static void send_all(int to, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t count = write(to, bytes, length);
        if (count <= 0) exit(0); /* the other end has finished */
        bytes += count;
        length -= (size_t)count;
    }
}

static void put(uint8_t *to, uint64_t value, int bytes) {
    for (int i = bytes; i-- > 0; value >>= 8) to[i] = (uint8_t)value;
}

static uint64_t get(const uint8_t *from, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | from[i];
    return value;
}

/* One end: what it has read, and the counters of what it sent and received. */
struct end {
    int socket;
    size_t held, at;
    uint64_t sent, acknowledged, received;
    uint8_t in[BUFFER], out[BUFFER];
    size_t waiting;
};

static void flush(struct end *end) {
    send_all(end->socket, end->out, end->waiting);
    end->waiting = 0;
}

static void put_frame(struct end *end, uint8_t kind, uint64_t counter, const uint8_t *content, size_t size) {
    if (end->waiting + OVERHEAD + size > BUFFER) flush(end);
    uint8_t *to = end->out + end->waiting;
    put(to, HEADER + size + TAG, 4);
    to[4] = 1;
    to[5] = kind;
    put(to + 6, 7, 4);
    put(to + 10, 1, 8);
    put(to + 18, counter, 8);
    if (size > 0) memcpy(to + PREFIX + HEADER, content, size);
    memset(to + PREFIX + HEADER + size, 0, TAG);
    end->waiting += OVERHEAD + size;
}

/* Reads once and handles all whole frames. Returns how many of them were events; their content is copied out. */
static unsigned take(struct end *end, uint8_t *content) {
    memmove(end->in, end->in + end->at, end->held -= end->at);
    end->at = 0;
    ssize_t count = read(end->socket, end->in + end->held, BUFFER - end->held);
    if (count <= 0) exit(0);
    end->held += (size_t)count;
    unsigned events = 0;
    for (size_t length; end->held - end->at >= PREFIX && (length = get(end->in + end->at, 4)) + PREFIX <= end->held - end->at; end->at += PREFIX + length) {
        const uint8_t *frame = end->in + end->at + PREFIX;
        uint64_t counter = get(frame + 14, 8);
        if (length < HEADER + TAG || frame[0] != 1 || get(frame + 2, 4) != 7 || get(frame + 6, 8) != 1) exit(2);
        if (frame[1] == ACK && counter <= end->sent) {
            end->acknowledged = counter;
        } else if (frame[1] == EVENT && counter == end->received + 1) {
            end->received = counter;
            memcpy(content, frame + HEADER, length - HEADER - TAG);
            events++;
        } else {
            exit(2);
        }
    }
    return events;
}

static void bare_echo(int socket, size_t size, bool starts, unsigned trips) {
    uint8_t *bytes = calloc(1, size);
    for (unsigned i = 0; i < trips; i++) {
        uint64_t sent = __builtin_ia32_rdtsc();
        if (starts) send_all(socket, bytes, size);
        for (size_t held = 0; held < size;) {
            ssize_t count = read(socket, bytes + held, size - held);
            if (count <= 0) exit(0);
            held += (size_t)count;
        }
        if (starts) printf("%lu\n", (unsigned long)(__builtin_ia32_rdtsc() - sent));
        else send_all(socket, bytes, size);
    }
    free(bytes);
}

static void framed_echo(int socket, size_t size, bool starts, unsigned trips) {
    static struct end end;
    static uint8_t content[BUFFER];
    end.socket = socket;
    for (unsigned i = 0; i < trips; i++) {
        uint64_t sent = __builtin_ia32_rdtsc();
        if (starts) {
            put_frame(&end, EVENT, ++end.sent, content, size);
            flush(&end);
        }
        while (take(&end, content) == 0) {}
        if (starts) printf("%lu\n", (unsigned long)(__builtin_ia32_rdtsc() - sent));
        else put_frame(&end, EVENT, ++end.sent, content, size);
        put_frame(&end, ACK, end.received, content, 0);
        if (!starts) flush(&end);
    }
}

/* The sending end, until the other has gone. */
static void stream(int socket, bool bare) {
    static struct end end;
    static uint8_t content[BUFFER];
    end.socket = socket;
    for (;;) {
        if (bare) {
            send_all(socket, content, sizeof content);
            continue;
        }
        while (end.sent - end.acknowledged < WINDOW) put_frame(&end, EVENT, ++end.sent, content, 64);
        flush(&end);
        take(&end, content);
    }
}

/* The receiving end: events a second. */
static double drain(int socket, bool bare, double length) {
    static struct end end;
    static uint8_t content[BUFFER];
    uint64_t bytes = 0;
    double begin = seconds(), now = begin;
    end.socket = socket;
    for (; now - begin < length; now = seconds()) {
        if (bare) {
            ssize_t count = read(socket, content, sizeof content);
            if (count <= 0) die("read");
            bytes += (uint64_t)count;
        } else if (take(&end, content) > 0) {
            put_frame(&end, ACK, end.received, content, 0);
            flush(&end);
        }
    }
    return (bare ? (double)bytes / (OVERHEAD + 64) : (double)end.received) / (now - begin);
}

static void run_on(const char *processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(atoi(processor), &set);
    if (sched_setaffinity(0, sizeof set, &set)) die("sched_setaffinity");
}

static void measure_tsc(void) {
    double begin = seconds();
    uint64_t cycles = __builtin_ia32_rdtsc();
    usleep(300000);
    cycles = __builtin_ia32_rdtsc() - cycles;
    printf("%.0f\n", (double)cycles / (seconds() - begin));
}

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "tsc") == 0) {
        measure_tsc();
        return 0;
    }
    if (count < 6) return 2;
    bool latency = strcmp(arguments[1], "latency") == 0, bare = strcmp(arguments[2], "bare") == 0;
    size_t number = (size_t)atol(arguments[3]);
    unsigned trips = latency ? (unsigned)atol(arguments[4]) : 0;
    int ends[2];
    connected(ends);
    pid_t other = fork();
    if (other < 0) die("fork");
    bool first = other != 0;
    int mine = ends[first ? 0 : 1];
    close(ends[first ? 1 : 0]);
    run_on(arguments[count - (first ? 2 : 1)]);
    if (!first) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (latency && bare) bare_echo(mine, number + OVERHEAD, first, trips);
    else if (latency) framed_echo(mine, number, first, trips);
    else if (first) printf("%.0f\n", drain(mine, bare, (double)number / 1000));
    else stream(mine, bare);
    fflush(stdout);
    close(mine);
    if (first) waitpid(other, NULL, 0);
    return 0;
}
