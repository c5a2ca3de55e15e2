/* Hand-over to a new instance (section 9): LIVE → PREPARED → RELEASED, and Accept at the other side. While prepared
 * nothing changes, so that the same Prepare can be answered with the same bytes under the same key. */
#include "kit.h"

enum { PREPARE_LENGTH = 263, ABORT_LENGTH = 101, RELEASE_LENGTH = 133, STATE_HEADER = 41, SEALED_KEY = 32 + 32 + CRYPTO_TAG };

static struct {
    uint8_t prepare[PREPARE_LENGTH], state_key[32];
    uint8_t release[RELEASE_LENGTH], sealed[SEALED_KEY];
} handover;
static uint8_t buffer[AUTHENTIC_MESSAGE]; /* the state message, or its plaintext */

/* Where things are in Prepare. */
struct prepare {
    const uint8_t *h, *old_incarnation, *old_measurement, *new_incarnation, *new_measurement, *target_hash, *target_key;
    uint64_t schema;
};

void handover_erase(void) {
    crypto_wipe(&handover, sizeof handover);
    crypto_wipe(buffer, sizeof buffer);
}

/* The schema of a module's state is the newest version among its objects. */
static uint16_t schema(void) {
    uint16_t newest = 0;
    for (size_t i = 0; i < interface_count(); i++)
        if (port_interface[i].kind == AUTHENTIC_KIND_STATE && port_interface[i].version > newest) newest = port_interface[i].version;
    return newest;
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
 * | targetKey32 | schema u16 | sig64 */
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
    p->schema = read_number(&r, 2);
    return true;
}

/* A connection as a set record body of section 4 with next as firstCounter | acknowledged u64 | gaps u64 | cachedLength u32 | cached reply */
static void write_connection(struct writer *w, const struct connection *c) {
    const struct authentic_declaration *d = &port_interface[c->endpoint];
    write_number(w, c->id, 4);
    write_number(w, c->endpoint, 2);
    write_number(w, c->direction, 1);
    write_number(w, c->delivery, 1);
    write_number(w, c->current.suite, 1);
    write_number(w, status_flags(c) & ~FLAG_PENDING, 1);
    write_number(w, c->window, 2);
    write_number(w, c->current.epoch, 8);
    write_bytes(w, c->current.key, 32);
    write_number(w, c->next, 8);
    write_number(w, UINT64_MAX, 8);
    write_number(w, c->acknowledged, 8);
    write_number(w, c->gaps, 8);
    write_number(w, c->reply_length, 4);
    if (c->reply_length > 0) write_bytes(w, (const uint8_t *)d->data + (size_t)c->reply_slot * (d->reply_maximum + 1), c->reply_length);
}

/* Keyed for the first time but not activated: the deployer keys it again at the new instance. */
static bool unborn(const struct connection *c) { return c->direction != DEPLOYER && c->current.epoch == 0; }

/* schema u16 | objects u16 | (nameLength u8 | name | length u32 | bytes)* | connections u16 | connection* */
static bool write_state(struct writer *w) {
    uint16_t objects = 0, connections = 0;
    for (size_t i = 0; i < interface_count(); i++) objects += port_interface[i].kind == AUTHENTIC_KIND_STATE;
    for (size_t i = 0; i < kit.table.count; i++) connections += !unborn(&kit.table.at[i]);
    write_number(w, schema(), 2);
    write_number(w, objects, 2);
    for (size_t i = 0; i < interface_count(); i++) {
        const struct authentic_declaration *d = &port_interface[i];
        size_t name = 0;
        if (d->kind != AUTHENTIC_KIND_STATE) continue;
        while (d->name[name]) name++;
        write_number(w, name, 1);
        write_bytes(w, d->name, name);
        write_number(w, d->maximum, 4);
        write_bytes(w, d->data, d->maximum);
    }
    write_number(w, connections, 2);
    for (size_t i = 0; i < kit.table.count; i++)
        if (!unborn(&kit.table.at[i])) write_connection(w, &kit.table.at[i]);
    return !w->bad;
}

/* "AEXS" | version u8 | h32 | length u32 | ciphertext | tag16; AAD: what is before the ciphertext ‖ SHA-256(Prepare) */
static void state_aad(uint8_t aad[STATE_HEADER + 32], const uint8_t *prepare, const uint8_t *header) {
    memcpy(aad, header, STATE_HEADER);
    crypto_sha256(aad + STATE_HEADER, PARTS({prepare, PREPARE_LENGTH}));
}

static enum refusal send_state(const struct prepare *p) {
    static const uint8_t nonce[12];
    uint8_t aad[STATE_HEADER + 32];
    struct writer text = {buffer + STATE_HEADER, 0, sizeof buffer - STATE_HEADER - CRYPTO_TAG, false};
    struct writer header = {buffer, 0, STATE_HEADER, false};
    if (!write_state(&text)) return NO_ROOM;
    write_bytes(&header, "AEXS\1", 5);
    write_bytes(&header, p->h, 32);
    write_number(&header, text.length, 4);
    state_aad(aad, handover.prepare, buffer);
    crypto_chacha_seal(text.start, text.start, text.length, aad, sizeof aad, nonce, handover.state_key);
    reply(PREPARE, PARTS({buffer, STATE_HEADER + text.length + CRYPTO_TAG}));
    return ACCEPTED;
}

static enum refusal receive_prepare(const uint8_t *message, size_t length) {
    struct prepare p;
    if (length != PREPARE_LENGTH || !parse_prepare(message, &p)) return MALFORMED;
    if (kit.state == STATE_PREPARED) {
        if (!crypto_equal(message, handover.prepare, PREPARE_LENGTH)) return WRONG_HANDOVER;
        return send_state(&p);
    }
    if (kit.state > STATE_ACTIVE) return WRONG_HANDOVER;
    if (session.step != CHALLENGED) return NO_SESSION;
    if (session.purpose != HAND_OVER) return WRONG_PURPOSE;
    if (!signed_message((struct part)LABEL("aex/v1/prepare"), message, length)) return BAD_SIGNATURE;
    if (!crypto_equal(p.h, session.nonce, 32)) return NO_SESSION;
    if (!crypto_equal(p.old_incarnation, kit.incarnation, 16)) return CHANGED;
    if (!own_measurement(p.old_measurement)) return CHANGED;
    if (p.schema != schema()) return WRONG_HANDOVER;
    if (task_current()->phase != TASK_NONE) return BUSY;
    for (size_t i = 0; i < kit.table.count; i++)
        if (table_resealing(&kit.table.at[i])) return BUSY;
    memcpy(handover.prepare, message, PREPARE_LENGTH);
    if (!port_random(handover.state_key, 32)) {
        fail(NO_ENTROPY);
        return INSTANCE_FAILED;
    }
    enum refusal refusal = send_state(&p);
    if (refusal) {
        handover_erase();
        return refusal;
    }
    kit.state = STATE_PREPARED;
    crypto_wipe(&session, sizeof session);
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

/* "AEXR" | version u8 | h32 | targetHash32 | sig64; the reply, enc32 | ciphertext48, is made once. */
static enum refusal receive_release(const uint8_t *message, size_t length) {
    struct reader r = {message, length, false};
    struct prepare p;
    uint8_t info[32];
    if (length != RELEASE_LENGTH || !begins(&r, "AEXR")) return MALFORMED;
    if (kit.state == STATE_RELEASED) {
        if (!crypto_equal(message, handover.release, RELEASE_LENGTH)) return WRONG_HANDOVER;
        reply(RELEASE, PARTS({handover.sealed, SEALED_KEY}));
        return ACCEPTED;
    }
    if (kit.state != STATE_PREPARED) return WRONG_HANDOVER;
    parse_prepare(handover.prepare, &p);
    if (!crypto_equal(r.at, p.h, 32)) return WRONG_HANDOVER;
    if (!crypto_equal(r.at + 32, p.target_hash, 32)) return WRONG_HANDOVER;
    if (!signed_message((struct part)LABEL("aex/v1/release"), message, length)) return BAD_SIGNATURE;
    release_info(info, handover.prepare, message);
    if (!hpke_seal(handover.sealed, handover.sealed + 32, handover.state_key, 32, p.target_key, info)) return NOT_DECRYPTED;
    memcpy(handover.release, message, RELEASE_LENGTH);
    crypto_wipe(handover.state_key, 32);
    crypto_wipe(buffer, sizeof buffer);
    crypto_wipe(&kit.table, sizeof kit.table);
    for (size_t i = 0; i < interface_count(); i++)
        if (port_interface[i].kind == AUTHENTIC_KIND_STATE) crypto_wipe(port_interface[i].data, port_interface[i].maximum);
    kit.state = STATE_RELEASED;
    reply(RELEASE, PARTS({handover.sealed, SEALED_KEY}));
    return ACCEPTED;
}

/* The objects of a state message: all that are declared here and no others. They are copied only when `keep`. */
static bool read_objects(struct reader *r, bool keep) {
    size_t declared = 0, count;
    if (read_number(r, 2) != schema()) return false;
    for (size_t i = 0; i < interface_count(); i++) declared += port_interface[i].kind == AUTHENTIC_KIND_STATE;
    count = read_number(r, 2);
    for (size_t i = 0; i < interface_count(); i++) {
        const struct authentic_declaration *d = &port_interface[i];
        if (d->kind != AUTHENTIC_KIND_STATE) continue;
        size_t name_length = read_number(r, 1);
        const uint8_t *name = read_view(r, name_length);
        size_t length = read_number(r, 4);
        const uint8_t *bytes = read_view(r, length);
        if (r->bad || name_length >= AUTHENTIC_NAME || memcmp(name, d->name, name_length) != 0 || d->name[name_length] != 0 || length != d->maximum) return false;
        if (keep) memcpy(d->data, bytes, length);
    }
    return !r->bad && count == declared;
}

/* One connection, straight to where it was: active, or retired. */
static bool read_connection(struct reader *r, struct table *draft) {
    size_t before = draft->count;
    if (table_set(r, true) || draft->count != before + 1) return false;
    struct connection *c = &draft->at[before];
    const struct authentic_declaration *d = &port_interface[c->endpoint];
    bool retired = c->retired;
    c->acknowledged = read_number(r, 8);
    c->gaps = read_number(r, 8);
    c->reply_length = (uint32_t)read_number(r, 4);
    const uint8_t *cached = read_view(r, c->reply_length);
    if (r->bad || c->acknowledged >= c->next) return false;
    if (c->reply_length > 0) {
        if (c->direction != HANDLER || c->reply_length > d->reply_maximum + 1) return false;
        memcpy((uint8_t *)d->data + (size_t)c->reply_slot * (d->reply_maximum + 1), cached, c->reply_length);
    }
    if (c->direction != DEPLOYER) table_activate(c);
    if (retired) table_retire(c);
    return true;
}

static bool read_state(struct reader text) {
    struct table *draft = table_draft();
    struct reader r = text;
    bool good = read_objects(&r, false);
    for (size_t count = good ? read_number(&r, 2) : 0; good && count > 0; count--) good = read_connection(&r, draft);
    if (!good || !read_done(&r) || table_output_bytes(draft) + OUT_RESERVE > out_capacity()) {
        crypto_wipe(draft, sizeof *draft);
        return false;
    }
    read_objects(&text, true);
    table_commit();
    return true;
}

/* Prepare | Release | enc32 | ciphertext48 | state message; the reply is its hash: what proves the hand-over is the next status. */
static enum refusal receive_accept(const uint8_t *message, size_t length) {
    enum { FIXED = PREPARE_LENGTH + RELEASE_LENGTH + SEALED_KEY + STATE_HEADER };
    const uint8_t *release = message + PREPARE_LENGTH, *sealed = release + RELEASE_LENGTH, *state = sealed + SEALED_KEY;
    static const uint8_t nonce[12];
    struct prepare p;
    if (length < FIXED + CRYPTO_TAG || !parse_prepare(message, &p)) return MALFORMED;
    struct reader r = {release, RELEASE_LENGTH, false}, s = {state, STATE_HEADER, false};
    if (!begins(&r, "AEXR") || !begins(&s, "AEXS")) return MALFORMED;
    size_t text_length = length - FIXED - CRYPTO_TAG;
    if (kit.state != STATE_NEW || task_current()->phase != TASK_NONE) return WRONG_HANDOVER;
    if (session.step != CHALLENGED) return NO_SESSION;
    if (session.purpose != HAND_OVER) return WRONG_PURPOSE;
    if (!signed_message((struct part)LABEL("aex/v1/prepare"), message, PREPARE_LENGTH)) return BAD_SIGNATURE;
    if (!signed_message((struct part)LABEL("aex/v1/release"), release, RELEASE_LENGTH)) return BAD_SIGNATURE;
    if (!crypto_equal(p.target_hash, session.binding, 32)) return NO_SESSION;
    if (!crypto_equal(p.target_key, session.public, 32)) return NO_SESSION;
    if (!crypto_equal(p.new_incarnation, kit.incarnation, 16)) return CHANGED;
    if (!own_measurement(p.new_measurement)) return CHANGED;
    if (!crypto_equal(r.at, p.h, 32)) return WRONG_HANDOVER;
    if (!crypto_equal(r.at + 32, p.target_hash, 32)) return WRONG_HANDOVER;
    if (!crypto_equal(s.at, p.h, 32)) return WRONG_HANDOVER;
    read_view(&s, 32);
    if (read_number(&s, 4) != text_length) return MALFORMED;

    uint8_t info[32], key[32], exporter[32], aad[STATE_HEADER + 32];
    release_info(info, message, release);
    if (!hpke_open(key, sealed + 32, 32, sealed, session.secret, session.public, info, exporter)) return NOT_DECRYPTED;
    state_aad(aad, message, state);
    bool good = crypto_chacha_open(buffer, state + STATE_HEADER, text_length, aad, sizeof aad, nonce, key);
    crypto_wipe(key, sizeof key);
    crypto_wipe(exporter, sizeof exporter);
    if (!good) return NOT_DECRYPTED;
    good = read_state((struct reader){buffer, text_length, false});
    crypto_wipe(buffer, sizeof buffer);
    if (!good) return BAD_RECORD;
    crypto_wipe(&session, sizeof session);
    kit.state = STATE_ACTIVE;
    uint8_t receipt[32];
    crypto_sha256(receipt, PARTS({message, length}));
    reply(ACCEPT, PARTS({receipt, 32}));
    return ACCEPTED;
}

enum refusal handover_receive(enum message type, const uint8_t *message, size_t length) {
    switch (type) {
    case PREPARE: return receive_prepare(message, length);
    case ABORT: return receive_abort(message, length);
    case RELEASE: return receive_release(message, length);
    case ACCEPT: return receive_accept(message, length);
    default: return MALFORMED;
    }
}
