/* Hand-over to a new instance (section 9). The old one is the arbiter: LIVE → PREPARED → RELEASED. The new one first takes
 * everything but the keys (Offer), so that what can fail does so while the old one can still go on, and then the keys. */
#include "kit.h"

enum { PREPARE_LENGTH = 309, ABORT_LENGTH = 101, RELEASE_LENGTH = 133, STATE_HEADER = 5 + 32, SET_LENGTH = 68 };
enum { KEY_RECORD = 36, KEYS_MAXIMUM = KEY_RECORD * AUTHENTIC_CONNECTIONS };

static struct {
    uint8_t prepare[PREPARE_LENGTH];                       /* of the old instance: accepted; of the new one: offered; else zero */
    uint8_t release[RELEASE_LENGTH];
    uint8_t released[32 + KEYS_MAXIMUM + CRYPTO_TAG];      /* enc32 | ciphertext: the keys, sealed to the target */
    size_t state_length, released_length;
    uint8_t secret[32], public[32], commitment[32], offer[32]; /* of the new instance, from Offer to Accept */
    struct table *draft;
} handover;
static uint8_t buffer[AUTHENTIC_MESSAGE]; /* the state message, or its plaintext */

/* Where things are in Prepare. */
struct prepare {
    const uint8_t *h, *old_incarnation, *old_measurement, *new_incarnation, *new_measurement, *target_hash, *target_key, *enc, *tag;
};

void handover_erase(void) {
    crypto_wipe(&handover, sizeof handover);
    crypto_wipe(buffer, sizeof buffer);
}

static bool own_measurement(const uint8_t measurement[32]) {
    uint8_t own[32];
    return !port_measurement(own) || crypto_equal(own, measurement, 32);
}

static bool begins(struct reader *r, const char magic[5]) {
    const uint8_t *at = read_view(r, 4);
    return at && memcmp(at, magic, 4) == 0 && read_number(r, 1) == 1;
}

static bool signed_message(const struct part label, const uint8_t *message, size_t length) {
    return signed_by_deployer(PARTS(label, {message, length - SIGNATURE}), message + length - SIGNATURE);
}

/* "AEXP" | version u8 | h32 | oldIncarnation16 | oldMeasurement32 | newIncarnation16 | newMeasurement32 | targetHash32
 * | targetKey32 | enc32 | tag16 | sig64 */
static bool parse_prepare(const uint8_t *message, struct prepare *p) {
    struct reader r = {message, PREPARE_LENGTH, false};
    if (!begins(&r, "AEXP")) return false;
    p->h = read_view(&r, 32);
    p->old_incarnation = read_view(&r, 16);
    p->old_measurement = read_view(&r, 32);
    p->new_incarnation = read_view(&r, 16);
    p->new_measurement = read_view(&r, 32);
    p->target_hash = read_view(&r, 32);
    p->target_key = read_view(&r, 32);
    p->enc = read_view(&r, 32);
    p->tag = read_view(&r, CRYPTO_TAG);
    return true;
}

/* What the status says of the hand-over that this instance is in, or came from: h32 | targetHash32. False: of none. */
bool handover_status(struct writer *w) {
    struct prepare p;
    if (!parse_prepare(handover.prepare, &p)) return false;
    write_bytes(w, p.h, 32);
    write_bytes(w, p.target_hash, 32);
    return true;
}

static void write_name(struct writer *w, const struct authentic_declaration *d) {
    size_t length = 0;
    while (d->name[length]) length++;
    write_number(w, length, 1);
    write_bytes(w, d->name, length);
}

/* nameLength u8 | name | set record body of section 4 without its key, with next as firstCounter | acknowledged u64 | gaps u64
 * | cachedLength u32 | cached reply */
static void write_connection(struct writer *w, const struct connection *c) {
    static const uint8_t no_key[32];
    const struct authentic_declaration *d = &port_interface[c->endpoint];
    write_name(w, d);
    write_number(w, c->id, 4);
    write_number(w, c->endpoint, 2);
    write_number(w, c->direction, 1);
    write_number(w, c->delivery, 1);
    write_number(w, c->current.suite, 1);
    write_number(w, status_flags(c) & ~FLAG_PENDING, 1);
    write_number(w, c->window, 2);
    write_number(w, c->current.epoch, 8);
    write_bytes(w, no_key, sizeof no_key);
    write_number(w, c->next, 8);
    write_number(w, UINT64_MAX, 8);
    write_number(w, c->acknowledged, 8);
    write_number(w, c->gaps, 8);
    write_number(w, c->reply_length, 4);
    if (c->reply_length > 0) write_bytes(w, (const uint8_t *)d->data + (size_t)c->reply_slot * (d->reply_maximum + 1), c->reply_length);
}

/* Keyed for the first time but not activated: the deployer keys it again at the new instance. */
static bool unborn(const struct connection *c) { return c->direction != DEPLOYER && c->current.epoch == 0; }

/* Into `released`, behind the room for enc: (connection u32 | key32)* */
static size_t write_keys(void) {
    struct writer w = {handover.released + 32, 0, KEYS_MAXIMUM, false};
    for (size_t i = 0; i < kit.table.count; i++) {
        if (unborn(&kit.table.at[i])) continue;
        write_number(&w, kit.table.at[i].id, 4);
        write_bytes(&w, kit.table.at[i].current.key, 32);
    }
    return w.length;
}

/* objects u16 | (nameLength u8 | name | version u16 | length u32 | bytes)* | grants u16 | (nameLength u8 | name)*
 * | connections u16 | connection* | commitment32: SHA-256 of the keys, which are the old instance's only if they fit */
static bool write_state(struct writer *w) {
    uint16_t objects = 0, connections = 0;
    uint8_t commitment[32];
    for (size_t i = 0; i < interface_count(); i++) objects += port_interface[i].kind == AUTHENTIC_KIND_STATE;
    for (size_t i = 0; i < kit.table.count; i++) connections += !unborn(&kit.table.at[i]);
    write_number(w, objects, 2);
    for (size_t i = 0; i < interface_count(); i++) {
        const struct authentic_declaration *d = &port_interface[i];
        if (d->kind != AUTHENTIC_KIND_STATE) continue;
        write_name(w, d);
        write_number(w, d->version, 2);
        write_number(w, d->maximum, 4);
        write_bytes(w, d->data, d->maximum);
    }
    write_number(w, (uint64_t)__builtin_popcountll(kit.table.grants), 2);
    for (size_t i = 0; i < interface_count(); i++)
        if (kit.table.grants >> i & 1) write_name(w, &port_interface[i]);
    write_number(w, connections, 2);
    for (size_t i = 0; i < kit.table.count; i++)
        if (!unborn(&kit.table.at[i])) write_connection(w, &kit.table.at[i]);
    crypto_sha256(commitment, PARTS(LABEL("aex/v1/keys"), {handover.released + 32, write_keys()}));
    write_bytes(w, commitment, sizeof commitment);
    return !w->bad;
}

static void state_info(uint8_t info[32], const uint8_t *prepare) { crypto_sha256(info, PARTS(LABEL("aex/v1/state"), {prepare, PREPARE_LENGTH})); }

/* "AEXS" | version u8 | enc32 | ciphertext | tag16, then 32 bytes by which the deployer knows that this instance made it. */
static enum refusal make_state(const struct prepare *p, const uint8_t exporter[32]) {
    uint8_t info[32], digest[32];
    size_t room = sizeof buffer - PREPARE_LENGTH - STATE_HEADER - CRYPTO_TAG - SIGNATURE; /* it has to fit into an Offer */
    struct writer text = {buffer + STATE_HEADER, 0, room, false};
    if (!write_state(&text)) return NO_ROOM;
    memcpy(buffer, "AEXS\1", 5);
    state_info(info, handover.prepare);
    if (!hpke_seal(buffer + 5, text.start, text.start, text.length, p->target_key, info)) return NOT_DECRYPTED;
    size_t length = STATE_HEADER + text.length + CRYPTO_TAG;
    crypto_sha256(digest, PARTS({handover.prepare, PREPARE_LENGTH}, {buffer, length}));
    hpke_export(buffer + length, exporter, PARTS(LABEL("aex/v1/prepared"), {digest, 32}));
    handover.state_length = length + 32;
    return ACCEPTED;
}

static enum refusal receive_prepare(const uint8_t *message, size_t length) {
    struct prepare p;
    uint8_t exporter[32], nothing[1];
    if (length != PREPARE_LENGTH || !parse_prepare(message, &p)) return MALFORMED;
    if (kit.state == STATE_PREPARED) {
        if (!crypto_equal(message, handover.prepare, PREPARE_LENGTH)) return WRONG_HANDOVER;
        reply(PREPARE, PARTS({buffer, handover.state_length}));
        return ACCEPTED;
    }
    if (kit.state > STATE_ACTIVE) return WRONG_HANDOVER;
    if (session.step != CHALLENGED) return NO_SESSION;
    if (session.purpose != HAND_OVER) return WRONG_PURPOSE;
    if (!signed_message((struct part)LABEL("aex/v1/prepare"), message, length)) return BAD_SIGNATURE;
    if (!crypto_equal(p.h, session.nonce, 32)) return NO_SESSION;
    if (!crypto_equal(p.old_incarnation, kit.incarnation, 16)) return CHANGED;
    if (!own_measurement(p.old_measurement)) return CHANGED;
    if (!hpke_open(nothing, p.tag, 0, p.enc, session.secret, session.public, session.binding, exporter)) return NOT_DECRYPTED;
    if (task_current()->phase != TASK_NONE) return BUSY;
    for (size_t i = 0; i < kit.table.count; i++)
        if (table_resealing(&kit.table.at[i])) return BUSY;
    handover_erase(); /* where this instance came from */
    memcpy(handover.prepare, message, PREPARE_LENGTH);
    enum refusal refusal = make_state(&p, exporter);
    crypto_wipe(exporter, sizeof exporter);
    if (refusal) {
        handover_erase();
        return refusal;
    }
    kit.state = STATE_PREPARED;
    crypto_wipe(&session, sizeof session);
    reply(PREPARE, PARTS({buffer, handover.state_length}));
    return ACCEPTED;
}

/* "AEXB" | version u8 | h32 | sig64 */
static enum refusal receive_abort(const uint8_t *message, size_t length) {
    struct reader r = {message, length, false};
    struct prepare p;
    if (length != ABORT_LENGTH || !begins(&r, "AEXB")) return MALFORMED;
    if (kit.state != STATE_PREPARED) return WRONG_HANDOVER;
    parse_prepare(handover.prepare, &p);
    if (!crypto_equal(r.at, p.h, 32)) return WRONG_HANDOVER;
    if (!signed_message((struct part)LABEL("aex/v1/abort"), message, length)) return BAD_SIGNATURE;
    handover_erase();
    kit.state = kit.table.generation > 0 ? STATE_ACTIVE : STATE_NEW;
    reply(ABORT, PARTS({"AEXB", 4}, {r.at, 32}));
    return ACCEPTED;
}

static void release_info(uint8_t info[32], const uint8_t *prepare, const uint8_t *release) {
    crypto_sha256(info, PARTS(LABEL("aex/v1/release"), {prepare, PREPARE_LENGTH}, {release, RELEASE_LENGTH}));
}

/* A Release of the hand-over that this instance is in. */
static enum refusal check_release(const uint8_t *message, const struct prepare *p) {
    struct reader r = {message, RELEASE_LENGTH, false};
    if (!begins(&r, "AEXR")) return MALFORMED;
    if (!crypto_equal(r.at, p->h, 32)) return WRONG_HANDOVER;
    if (!crypto_equal(r.at + 32, p->target_hash, 32)) return WRONG_HANDOVER;
    return signed_message((struct part)LABEL("aex/v1/release"), message, RELEASE_LENGTH) ? ACCEPTED : BAD_SIGNATURE;
}

/* "AEXR" | version u8 | h32 | targetHash32 | sig64; the reply, enc32 | ciphertext, is made once. */
static enum refusal receive_release(const uint8_t *message, size_t length) {
    struct prepare p;
    uint8_t info[32];
    if (length != RELEASE_LENGTH) return MALFORMED;
    if (kit.state == STATE_RELEASED) {
        if (!crypto_equal(message, handover.release, RELEASE_LENGTH)) return WRONG_HANDOVER;
        reply(RELEASE, PARTS({handover.released, handover.released_length}));
        return ACCEPTED;
    }
    if (kit.state != STATE_PREPARED) return WRONG_HANDOVER;
    parse_prepare(handover.prepare, &p);
    enum refusal refusal = check_release(message, &p);
    if (refusal) return refusal;
    release_info(info, handover.prepare, message);
    size_t keys = write_keys();
    uint8_t *text = handover.released + 32;
    if (!hpke_seal(handover.released, text, text, keys, p.target_key, info)) return NOT_DECRYPTED;
    handover.released_length = 32 + keys + CRYPTO_TAG;
    memcpy(handover.release, message, RELEASE_LENGTH);
    crypto_wipe(buffer, sizeof buffer);
    crypto_wipe(&kit.table, sizeof kit.table);
    for (size_t i = 0; i < interface_count(); i++)
        if (port_interface[i].kind == AUTHENTIC_KIND_STATE) crypto_wipe(port_interface[i].data, port_interface[i].maximum);
    kit.state = STATE_RELEASED;
    port_devices_pass(p.new_measurement);
    reply(RELEASE, PARTS({handover.released, handover.released_length}));
    return ACCEPTED;
}

static bool named(const struct authentic_declaration *d, const uint8_t *name, size_t length) {
    return length < AUTHENTIC_NAME && memcmp(name, d->name, length) == 0 && d->name[length] == 0;
}

/* What takes an object of another instance over: the same object or a migration of it, else what drops its name. */
static const struct authentic_declaration *taker(const uint8_t *name, size_t name_length, uint64_t version, size_t length) {
    const struct authentic_declaration *found = NULL;
    for (size_t i = 0; i < interface_count(); i++) {
        const struct authentic_declaration *d = &port_interface[i];
        if ((d->kind != AUTHENTIC_KIND_STATE && d->kind != AUTHENTIC_KIND_MIGRATION) || !named(d, name, name_length)) continue;
        if (d->flags & AUTHENTIC_DROPPED) found = found ? found : d;
        else if (d->version == version && d->maximum == length) found = d;
    }
    return found;
}

/* The objects of a state message: each has a taker, or none is taken. They are taken only when `keep`. */
static bool read_objects(struct reader *r, bool keep) {
    for (uint64_t count = read_number(r, 2); count > 0; count--) {
        size_t name_length = read_number(r, 1);
        const uint8_t *name = read_view(r, name_length);
        uint64_t version = read_number(r, 2);
        size_t length = read_number(r, 4);
        const uint8_t *bytes = read_view(r, length);
        const struct authentic_declaration *d = r->bad ? NULL : taker(name, name_length, version, length);
        if (!d) return false;
        if (!keep || (d->flags & AUTHENTIC_DROPPED)) continue;
        if (d->kind == AUTHENTIC_KIND_STATE) memcpy(d->data, bytes, length);
        else if (!((bool (*)(const void *))d->code)(bytes)) return false;
    }
    return !r->bad;
}

/* Devices that may be written, as far as they are declared here too. */
static bool read_grants(struct reader *r) {
    for (uint64_t count = read_number(r, 2); count > 0; count--) {
        size_t length = read_number(r, 1);
        const uint8_t *name = read_view(r, length);
        if (r->bad) return false;
        for (size_t i = 0; i < interface_count(); i++) {
            const struct authentic_declaration *d = &port_interface[i];
            if (d->kind == AUTHENTIC_KIND_DEVICE && (d->flags & AUTHENTIC_WRITTEN) && named(d, name, length)) handover.draft->grants |= (uint64_t)1 << i;
        }
    }
    return !r->bad;
}

/* One connection, into the draft, where its key is zero. One to what is no longer declared ends here. */
static bool read_connection(struct reader *r) {
    struct table *draft = handover.draft;
    size_t name_length = read_number(r, 1), before = draft->count, endpoint = 0;
    const uint8_t *name = read_view(r, name_length);
    struct reader set = {read_view(r, SET_LENGTH), SET_LENGTH, false};
    uint64_t acknowledged = read_number(r, 8), gaps = read_number(r, 8);
    size_t cached_length = read_number(r, 4);
    const uint8_t *cached = read_view(r, cached_length);
    if (r->bad) return false;
    enum direction direction = (enum direction)set.at[6];
    if (direction < SENDER || direction > DEPLOYER) return false;
    while (endpoint < interface_count() && !(table_fits(direction, endpoint) && named(&port_interface[endpoint], name, name_length))) endpoint++;
    if (endpoint == interface_count()) return true;
    const struct authentic_declaration *d = &port_interface[endpoint];
    if (table_set(&set, d) || !read_done(&set) || draft->count != before + 1) return false;
    struct connection *c = &draft->at[before];
    c->acknowledged = acknowledged;
    c->gaps = gaps;
    if (c->acknowledged >= c->next) return false;
    if (cached_length > 0) {
        if (c->direction != HANDLER || cached_length > d->reply_maximum + 1) return false;
        memcpy((uint8_t *)d->data + (size_t)c->reply_slot * (d->reply_maximum + 1), cached, cached_length);
        c->reply_length = (uint32_t)cached_length;
    }
    return true;
}

/* Everything is looked at before anything is taken; a migration that refuses leaves an instance that is of no use. */
static bool read_state(struct reader text) {
    struct reader r = text;
    handover.draft = table_draft();
    bool good = read_objects(&r, false) && read_grants(&r);
    for (uint64_t count = read_number(&r, 2); good && count > 0; count--) good = read_connection(&r);
    read_bytes(&r, handover.commitment, 32);
    if (!good || !read_done(&r) || table_output_bytes(handover.draft) + OUT_RESERVE > out_capacity()) {
        handover_erase();
        crypto_wipe(table_draft(), sizeof kit.table);
        return false;
    }
    good = read_objects(&text, true);
    if (!good) fail(FAULT);
    return good;
}

/* Prepare | state message | sig64, type offer; the reply is its hash. The deployer vouches for the old instance's state. */
static enum refusal receive_offer(const uint8_t *message, size_t length) {
    enum { FIXED = PREPARE_LENGTH + STATE_HEADER + CRYPTO_TAG + SIGNATURE };
    struct prepare p;
    uint8_t info[32], exporter[32], receipt[32];
    if (length < FIXED || !parse_prepare(message, &p)) return MALFORMED;
    struct reader s = {message + PREPARE_LENGTH, STATE_HEADER, false};
    if (!begins(&s, "AEXS")) return MALFORMED;
    crypto_sha256(receipt, PARTS({message, length}));
    if (kit.state != STATE_OFFERED) {
        if (kit.state != STATE_NEW || task_current()->phase != TASK_NONE) return WRONG_HANDOVER;
        if (session.step != CHALLENGED) return NO_SESSION;
        if (session.purpose != HAND_OVER) return WRONG_PURPOSE;
        if (!signed_message((struct part)LABEL("aex/v1/offer"), message, length)) return BAD_SIGNATURE;
        if (!crypto_equal(p.target_hash, session.binding, 32)) return NO_SESSION;
        if (!crypto_equal(p.target_key, session.public, 32)) return NO_SESSION;
        if (!crypto_equal(p.new_incarnation, kit.incarnation, 16)) return CHANGED;
        if (!own_measurement(p.new_measurement)) return CHANGED;
        state_info(info, message);
        if (!hpke_open(buffer, s.at + 32, length - FIXED, s.at, session.secret, session.public, info, exporter)) return NOT_DECRYPTED;
        crypto_wipe(exporter, sizeof exporter);
        memcpy(handover.prepare, message, PREPARE_LENGTH);
        bool good = read_state((struct reader){buffer, length - FIXED, false});
        crypto_wipe(buffer, sizeof buffer);
        if (!good) return BAD_RECORD;
        memcpy(handover.secret, session.secret, 32);
        memcpy(handover.public, session.public, 32);
        memcpy(handover.offer, receipt, 32);
        crypto_wipe(&session, sizeof session);
        kit.state = STATE_OFFERED;
    } else if (!crypto_equal(handover.offer, receipt, 32)) return WRONG_HANDOVER;
    reply(OFFER, PARTS({receipt, 32}));
    return ACCEPTED;
}

/* Release | its reply; the answer is the hash of both: what proves the hand-over is the next status. */
static enum refusal receive_accept(const uint8_t *message, size_t length) {
    enum { FIXED = RELEASE_LENGTH + 32 + CRYPTO_TAG };
    const uint8_t *enc = message + RELEASE_LENGTH;
    struct prepare p;
    uint8_t info[32], exporter[32], commitment[32], receipt[32];
    if (length < FIXED || length - FIXED > KEYS_MAXIMUM) return MALFORMED;
    if (kit.state != STATE_OFFERED) return WRONG_HANDOVER;
    parse_prepare(handover.prepare, &p);
    enum refusal refusal = check_release(message, &p);
    if (refusal) return refusal;
    release_info(info, handover.prepare, message);
    uint8_t *keys = handover.released;
    if (!hpke_open(keys, enc + 32, length - FIXED, enc, handover.secret, handover.public, info, exporter)) return NOT_DECRYPTED;
    crypto_wipe(exporter, sizeof exporter);
    crypto_sha256(commitment, PARTS(LABEL("aex/v1/keys"), {keys, length - FIXED}));
    if (!crypto_equal(commitment, handover.commitment, 32)) return NOT_DECRYPTED;

    for (struct reader r = {keys, length - FIXED, false}; r.left > 0;) {
        struct connection *c = table_find(handover.draft, (uint32_t)read_number(&r, 4));
        const uint8_t *key = read_view(&r, 32);
        if (c && key) memcpy(c->pending.key, key, 32);
    }
    for (size_t i = 0; i < handover.draft->count; i++) {
        struct connection *c = &handover.draft->at[i];
        bool retired = c->retired;
        if (c->direction == DEPLOYER) continue;
        keys_derive(&c->pending, c->id, (enum direction)c->direction);
        table_activate(c);
        if (retired) table_retire(c);
    }
    table_commit();
    kit.state = STATE_ACTIVE;
    crypto_sha256(receipt, PARTS({message, length}));
    crypto_wipe(handover.release, sizeof handover - PREPARE_LENGTH); /* where it came from stays */
    reply(ACCEPT, PARTS({receipt, 32}));
    return ACCEPTED;
}

enum refusal handover_receive(enum message type, const uint8_t *message, size_t length) {
    switch (type) {
    case PREPARE: return receive_prepare(message, length);
    case ABORT: return receive_abort(message, length);
    case RELEASE: return receive_release(message, length);
    case ACCEPT: return receive_accept(message, length);
    case OFFER: return receive_offer(message, length);
    default: return MALFORMED;
    }
}
