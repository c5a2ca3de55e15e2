/* The symmetric session (docs/protocol.md section 10): S1 to S4, activation, and the status. */
#include "kit.h"

enum { S1_BODY = 20, S1_LENGTH = S1_BODY + TAG, NOTHING = 0, CHALLENGED, KEYED, ACTIVATED };
enum { FLAG_ACTIVE = 1, FLAG_PENDING = 2, FLAG_RETIRED = 4, FLAG_RESET = 8 };

/* The one session that is under way; a new S1 replaces it. */
static struct {
    u16 step, purpose;
    u8 nonce_d[16], nonce_m[8];
    u8 p[TAG], s4[TAG];
} session;

void session_erase(void) { wipe(&session, sizeof session); }

static void reply(u8 type, const void *body, u16 length) { out_put(OUT_REPLY, type, body, length); }

static void refuse(u8 type, enum refusal refusal) {
    u8 body[3] = {0xff, 0, (u8)refusal};
    reply(type, body, sizeof body);
}

/* MAC(P, label ‖ TAG bytes) */
static void mac_under_p(char number, const u8 *data, u8 *to) {
    u8 message[2 + TAG] __attribute__((aligned(2)));
    message[0] = 'L';
    message[1] = (u8)number;
    memcpy(message + 2, data, TAG);
    mac(session.p, message, sizeof message, to);
}

static u8 *write_slot(u8 *at, const struct slot *slot) {
    static const u8 label[2] __attribute__((aligned(2))) = {'K', '2'};
    u8 id[TAG] __attribute__((aligned(2))) = {0};
    if (slot->epoch) mac(slot->key, label, 2, id);
    at = put_64(at, slot->epoch);
    memcpy(at, id, 8);
    return at + 8;
}

static u8 *write_connection(u8 *at, const struct connection *c) {
    u8 flags = (c->active ? FLAG_ACTIVE : 0) | (c->pending.epoch ? FLAG_PENDING : 0) | (c->retired ? FLAG_RETIRED : 0) | (c->reset ? FLAG_RESET : 0);
    at = put_16(put_32(at, c->id), c->endpoint);
    *at++ = c->direction;
    *at++ = c->delivery;
    *at++ = SUITE;
    *at++ = flags;
    at = put_16(at, c->window);
    at = write_slot(write_slot(at, &c->current), &c->pending);
    at = put_64(at, c->next);
    at = put_64(at, c->acknowledged);
    return put_64(at, c->gaps);
}

/* Section 4, status; its length is even. */
u16 status_write(u8 *to) {
    u8 *at = to;
    u16 grants = 0;
    for (u16 i = 0; i < ENDPOINTS; i++) grants += kit.drivers[i] != 0;
    *at++ = 1;
    *at++ = kit.state;
    at = put_16(at, 0);
    memcpy(at, kit.incarnation, 16);
    at = put_64(at + 16, kit.generation);
    at = put_64(at, 1);
    memcpy(at, board_kit, 32);
    at = put_16(put_16(at + 32, kit.count), grants);
    for (u16 i = 0; i < kit.count; i++) at = write_connection(at, &kit.at[i]);
    for (u16 i = 0; i < ENDPOINTS; i++)
        if (kit.drivers[i]) at = put_16(at, i);
    return (u16)(at - to);
}

/* "S1" | version | purpose | nonceD16 | MAC(K, "L1" ‖ S1 before the MAC) */
static enum refusal s1(const u8 *message, u16 length) {
    u8 tag[TAG] __attribute__((aligned(2)));
    if (length != S1_LENGTH || message[0] != 'S' || message[1] != '1' || message[2] != 1) return MALFORMED;
    if (message[3] != ATTEST && message[3] != CONFIGURE) return MALFORMED;
    memcpy(scratch + 2, message, S1_LENGTH);
    memcpy(scratch, "L1", 2);
    mac(0, scratch, 2 + S1_BODY, tag);
    if (!sancus_equal(tag, message + S1_BODY, TAG)) return BAD_SIGNATURE;

    wipe(&session, sizeof session);
    session.step = CHALLENGED;
    session.purpose = message[3];
    memcpy(session.nonce_d, message + 4, 16);
    nonce_draw(session.nonce_m);
    if (!kit.incarnated) {
        memcpy(kit.incarnation, session.nonce_m, 8);
        kit.incarnated = true;
    }
    /* nonceM8 | statusLength u16 | status | MAC(K, "L2" ‖ S1 ‖ S2 before the MAC) */
    u8 *s2 = scratch + 2 + S1_LENGTH;
    memcpy(s2, session.nonce_m, 8);
    u16 size = status_write(s2 + 10);
    put_16(s2 + 8, size);
    scratch[1] = '2';
    mac(0, scratch, 2 + S1_LENGTH + 10 + size, s2 + 10 + size);
    reply(M1, s2, 10 + size + TAG);
    return ACCEPTED;
}

/* n u16 | ciphertext[n] | tag = wrap(P, "W4" ‖ nonceD ‖ nonceM ‖ n, records) */
static enum refusal s3(u8 *message, u16 length) {
    u8 ad[28] __attribute__((aligned(2)));
    if (session.step != CHALLENGED) return NO_SESSION;
    if (session.purpose != CONFIGURE) return WRONG_PURPOSE;
    if (length < 2 + TAG) return MALFORMED;
    u16 n = get_16(message);
    if (n & 1 || n == 0 || n != length - 2 - TAG) return MALFORMED;

    memcpy(ad, "L3", 2);
    memcpy(ad + 2, session.nonce_d, 16);
    memcpy(ad + 18, session.nonce_m, 8);
    mac(0, ad, 26, session.p);
    memcpy(ad, "W4", 2);
    put_16(ad + 26, n);
    u8 *text = message + 2;
    struct sancus_crypt job = {session.p, ad, ad + 28, text, text + n, text, text + n};
    if (!sancus_unwrap(&job)) {
        wipe(text, n);
        return NOT_DECRYPTED;
    }
    /* incarnation16 | generation u64 | count u16 | records, and a zero byte after an odd length */
    enum { RECORDS = 26 };
    if (n < RECORDS) return MALFORMED;
    if (memcmp(text, kit.incarnation, 16) != 0 || get_64(text + 16) != kit.generation) return CHANGED;
    u16 count = get_16(text + 24);
    enum refusal refusal = table_check(text + RECORDS, n - RECORDS, count);
    if (refusal) return refusal;
    table_apply(text + RECORDS, count);
    kit.generation++;
    kit.state = STATE_ACTIVE;
    session.step = KEYED;
    mac_under_p('5', message + 2 + n, session.s4);
    reply(M3, session.s4, TAG);
    return ACCEPTED;
}

/* "SA" | S4 | MAC(P, "L6" ‖ S4), reply MAC(P, "L7" ‖ S4); the same again is answered again. */
static enum refusal activate(const u8 *message, u16 length) {
    u8 tag[TAG] __attribute__((aligned(2)));
    if (session.step != KEYED && session.step != ACTIVATED) return NO_SESSION;
    if (length != 2 + 2 * TAG || message[0] != 'S' || message[1] != 'A') return MALFORMED;
    mac_under_p('6', session.s4, tag);
    if (!(sancus_equal(message + 2, session.s4, TAG) & sancus_equal(message + 2 + TAG, tag, TAG))) return BAD_SIGNATURE;
    for (u16 i = 0; i < kit.count && session.step == KEYED; i++) {
        struct connection *c = &kit.at[i];
        if (c->fresh && c->pending.epoch) table_activate(c);
        c->fresh = false;
    }
    session.step = ACTIVATED;
    mac_under_p('7', session.s4, tag);
    reply(ACTIVATE, tag, TAG);
    return ACCEPTED;
}

void session_receive(u8 type, u8 *message, u16 length) {
    enum refusal refusal = kit.state == STATE_FAILED && type != M1 ? INSTANCE_FAILED
                           : type == M1                            ? s1(message, length)
                           : type == M3                            ? s3(message, length)
                           : type == ACTIVATE                      ? activate(message, length)
                                                                   : WRONG_PURPOSE;
    if (refusal) refuse(type, refusal);
}
