/* The connection table: the records of S3 are all examined before the first of them takes effect (sections 4 and 6). */
#include "kit.h"

enum { RECORD_SET = 1, RECORD_CLOSE, RECORD_GRANT, RECORD_REVOKE };
enum { SET_RESET = 1, SUBJECTS = 8 };
/* Places in a `set`: connection u32 | endpoint u16 | direction u8 | delivery u8 | suite u8 | flags u8 | window u16 | epoch u64 | key
 * | firstCounter u64 | lastCounter u64 */
enum { ENDPOINT = 4, DIRECTION = 6, DELIVERY, SUITE_AT, FLAGS, WINDOW, EPOCH = 12, KEY = 20, FIRST = KEY + TAG, LAST = FIRST + 8, SET_LENGTH = LAST + 8 };
enum { CLOSE_LENGTH = 5, GRANT_LENGTH = 50, REVOKE_LENGTH = 2 };

struct connection *table_find(u32 id) {
    for (struct connection *c = kit.at; c < kit.at + kit.count; c++)
        if (c->id == id) return c;
    return NULL;
}

struct connection *table_find_low(u16 low) {
    for (struct connection *c = kit.at; c < kit.at + kit.count; c++)
        if ((u16)c->id == low) return c;
    return NULL;
}

static bool sends(const struct connection *c) { return c->direction == SENDER || c->direction == CLIENT; }

static enum refusal check_set(const u8 *r, u16 *created) {
    static const u8 kinds[] = {0, AUTHENTIC_KIND_OUTPUT, AUTHENTIC_KIND_INPUT, AUTHENTIC_KIND_REQUEST, AUTHENTIC_KIND_HANDLER};
    u32 id = get_32(r), epoch = get_64(r + EPOCH), first = get_64(r + FIRST);
    u16 endpoint = get_16(r + ENDPOINT), window = get_16(r + WINDOW);
    u8 direction = r[DIRECTION], delivery = r[DELIVERY];
    if (r[FLAGS] & ~SET_RESET || id == 0 || window == 0 || delivery < STRICT || delivery > LATEST) return MALFORMED;
    if (r[SUITE_AT] != SUITE || direction < SENDER || direction > HANDLER) return BAD_RECORD;
    const struct authentic_declaration *d = interface_at(endpoint, kinds[direction]);
    const struct connection *c = table_find(id);
    if (!d) return BAD_RECORD;
    if (!c) {
        if (first == 0 || first == COUNTER_END || (delivery == LATEST && direction > RECEIVER)) return BAD_RECORD;
        if (table_find_low((u16)id)) return BAD_RECORD; /* a compact frame could not tell the two apart */
        for (u16 i = 0; i < kit.count; i++)
            if (direction > RECEIVER && kit.at[i].endpoint == endpoint) return direction == CLIENT ? BAD_RECORD : NO_ROOM;
        if (kit.count + *created >= AUTHENTIC_CONNECTIONS) return NO_ROOM;
        ++*created;
    } else if (c->endpoint != endpoint || c->direction != direction || c->delivery != delivery || first != 0) return BAD_RECORD;
    if (epoch == COUNTER_END || epoch == 0 || (c && (epoch <= c->current.epoch || epoch <= c->pending.epoch))) return BAD_RECORD;
    return direction == SENDER && delivery == STRICT && window < (u16)d->burst ? BAD_RECORD : ACCEPTED;
}

/* The id of the driver that a grant names: endpoint u16 | measurement32: the driver's tag, zero-padded | incarnation16: ours */
static u16 granted(const u8 *r) {
    memcpy(scratch, r + 2, TAG);
    return driver_verify(get_16(r), scratch);
}

static enum refusal check_grant(const u8 *r) {
    return memcmp(r + 34, kit.incarnation, 16) == 0 && interface_at(get_16(r), AUTHENTIC_KIND_DEVICE) && granted(r) ? ACCEPTED : BAD_RECORD;
}

/* count records: type u8 | length u16 | body; a zero byte may follow */
enum refusal table_check(const u8 *at, u16 left, u16 count) {
    static const u8 lengths[] = {0, SET_LENGTH, CLOSE_LENGTH, GRANT_LENGTH, REVOKE_LENGTH};
    u32 seen[SUBJECTS];
    u16 created = 0;
    if (count > SUBJECTS) return NO_ROOM;
    for (u16 i = 0; i < count; i++) {
        if (left < 3) return MALFORMED;
        u8 type = at[0];
        u16 length = get_16(at + 1);
        const u8 *body = at + 3;
        left -= 3;
        if (type < RECORD_SET || type > RECORD_REVOKE || length != lengths[type] || length > left) return MALFORMED;
        left -= length;
        at = body + length;
        /* No two records name one subject. An endpoint, below 16, and a connection of that number count as one. */
        seen[i] = type >= RECORD_GRANT ? get_16(body) : get_32(body);
        for (u16 j = 0; j < i; j++)
            if (seen[j] == seen[i]) return MALFORMED;
        enum refusal refusal = type == RECORD_SET      ? check_set(body, &created)
                               : type == RECORD_CLOSE  ? (body[4] > 1 ? MALFORMED : table_find(get_32(body)) ? ACCEPTED : BAD_RECORD)
                               : type == RECORD_GRANT  ? check_grant(body)
                               : interface_at(get_16(body), AUTHENTIC_KIND_DEVICE) ? ACCEPTED : BAD_RECORD;
        if (refusal) return refusal;
    }
    return left > 1 || (left == 1 && *at != 0) ? MALFORMED : ACCEPTED;
}

static void retire(struct connection *c) {
    c->current.accepts = c->previous.accepts = false;
    if (!sends(c)) {
        wipe(c->current.key, TAG);
        wipe(&c->previous, sizeof c->previous);
    }
    wipe(&c->pending, sizeof c->pending);
    c->active = false;
    c->retired = true;
    connection_put(c, CONNECTION_RETIRED);
}

static void apply_set(const u8 *r) {
    struct connection *c = table_find(get_32(r));
    if (!c) {
        c = &kit.at[kit.count++];
        wipe(c, sizeof *c);
        c->id = get_32(r);
        c->endpoint = get_16(r + ENDPOINT);
        c->direction = r[DIRECTION];
        c->delivery = r[DELIVERY];
        c->next = c->reseal = get_64(r + FIRST);
        c->acknowledged = c->next - 1;
    }
    c->pending.epoch = get_64(r + EPOCH);
    memcpy(c->pending.key, r + KEY, TAG);
    c->pending.accepts = true;
    c->pending_last = get_64(r + LAST);
    c->pending_window = get_16(r + WINDOW);
    c->pending_reset = r[FLAGS] & SET_RESET;
    c->fresh = true;
}

static void apply_close(const u8 *r) {
    struct connection *c = table_find(get_32(r));
    if (r[4]) {
        retire(c);
        return;
    }
    connection_put(c, CONNECTION_CLOSED);
    request_end(c->id, AUTHENTIC_CLOSED, NULL, 0);
    struct connection *last = &kit.at[--kit.count];
    if (c != last) memcpy(c, last, sizeof *c);
    wipe(last, sizeof *last);
}

void table_apply(const u8 *at, u16 count) {
    for (u16 i = 0; i < kit.count; i++) kit.at[i].fresh = false;
    while (count--) {
        const u8 *body = at + 3;
        if (at[0] == RECORD_SET) apply_set(body);
        else if (at[0] == RECORD_CLOSE) apply_close(body);
        else {
            u16 endpoint = get_16(body);
            if (at[0] == RECORD_REVOKE) driver_call(endpoint, DRIVER_LEAVE, 0); /* nobody else can make it */
            kit.drivers[endpoint] = at[0] == RECORD_GRANT ? granted(body) : 0;
        }
        at = body + get_16(at + 1);
    }
}

/* Pending becomes current; what the other end may still send or expect under the old epoch decides what stays of it. */
void table_activate(struct connection *c) {
    if (c->direction == CLIENT && c->pending_reset) { /* whether it was processed nobody knows */
        c->acknowledged = c->next - 1;
        request_end(c->id, AUTHENTIC_PEER_RESET, NULL, 0);
    }
    u32 last = sends(c) ? c->next - 1 : c->pending_last;
    bool needed = sends(c) ? c->delivery == STRICT && c->acknowledged < last : c->current.accepts && c->next <= last;
    wipe(&c->previous, sizeof c->previous);
    c->reseal = c->acknowledged + 1;
    if (c->current.epoch != 0 && needed) {
        c->previous = c->current;
        c->previous_last = last;
        c->previous_acks = last < c->pending_last ? last : c->pending_last;
        if (sends(c)) {
            u32 body[3] = {c->id, c->reseal, last};
            out_put(OUT_RESEAL, 0, body, sizeof body);
        }
    }
    c->current = c->pending;
    wipe(&c->pending, sizeof c->pending);
    c->window = c->pending_window;
    c->active = true;
    c->retired = false;
    c->reset |= c->pending_reset;
    c->pending_reset = false;
    connection_put(c, CONNECTION_ACTIVE);
}

/* connection u32 | endpoint u16 | direction u8 | delivery u8 | window u16 | reserved u16 | epoch u32 | next u32, little-endian */
void connection_put(const struct connection *c, u8 state) {
    struct { u32 id; u16 endpoint; u8 direction, delivery; u16 window, reserved; u32 epoch, next; } body =
        {c->id, c->endpoint, c->direction, c->delivery, c->window, 0, c->current.epoch, c->next};
    out_put(OUT_CONNECTION, state, &body, sizeof body);
}
