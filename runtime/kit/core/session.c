/* The session with the deployer (section 4): M1 → M2, M3 → M4, Activate. */
#include "kit.h"

struct session session;
static uint8_t records[26 + 74 * 2 * AUTHENTIC_CONNECTIONS + 53 * AUTHENTIC_DECLARATIONS]; /* the opened M3: the longest that can be good */

/* A strict Ed25519 signature by the deployer whose key is measured into this module; `parts` begin with the label. */
bool signed_by_deployer(const struct part *parts, size_t count, const uint8_t signature[64]) {
    return crypto_ed25519_verify(signature, identity.deployer_key, parts, count);
}

void reply(enum message type, const struct part *parts, size_t count) { out_put(OUT_REPLY, (uint16_t)type, parts, count); }

/* M1: "AEX1" | version u8 | purpose u8 | suite u16 | deployment16 | instance16 | nonceD32 | policyHash32 | sig64
 * M2core: nonceM32 | pkE32 | statusLength u16 | status */
static enum refusal receive_m1(const uint8_t *m1, size_t length) {
    struct reader r = {m1, length, false};
    const uint8_t *magic = read_view(&r, 4);
    if (length != M1_LENGTH || memcmp(magic, "AEX1", 4) != 0 || read_number(&r, 1) != 1) return MALFORMED;
    uint64_t purpose = read_number(&r, 1), suite = read_number(&r, 2);
    if (purpose < ATTEST || purpose > HAND_OVER || suite != 1) return MALFORMED;
    if (!crypto_equal(read_view(&r, 16), identity.deployment, 16)) return WRONG_INSTANCE;
    if (!crypto_equal(read_view(&r, 16), identity.instance, 16)) return WRONG_INSTANCE;
    if (!signed_by_deployer(PARTS(LABEL("aex/v1/m1"), {m1, M1_LENGTH - SIGNATURE}), m1 + M1_LENGTH - SIGNATURE)) return BAD_SIGNATURE;

    crypto_wipe(&session, sizeof session);
    if (!port_random(session.nonce, 32) || !port_random(session.secret, 32)) {
        fail(NO_ENTROPY);
        return INSTANCE_FAILED;
    }
    crypto_x25519_public(session.public, session.secret);
    static uint8_t status[STATUS_MAXIMUM];
    struct writer s = {status, 0, sizeof status, false};
    status_write(&s);
    struct writer w = {session.opening, 0, sizeof session.opening, false};
    write_bytes(&w, m1, M1_LENGTH);
    write_bytes(&w, session.nonce, 32);
    write_bytes(&w, session.public, 32);
    write_number(&w, s.length, 2);
    write_bytes(&w, status, s.length);
    session.opening_length = w.length;
    session.purpose = (enum purpose)purpose;
    session.step = CHALLENGED;
    crypto_sha256(session.binding, PARTS({session.opening, w.length}));

    uint8_t m1_hash[32], status_hash[32], report_data[64], target[PORT_TARGET], report[PORT_REPORT];
    crypto_sha256(m1_hash, PARTS({m1, M1_LENGTH}));
    crypto_sha256(status_hash, PARTS({status, s.length}));
    crypto_sha512(report_data, PARTS(LABEL("aex/v1/report-data"), {m1_hash, 32}, {session.nonce, 32}, {session.public, 32}, {status_hash, 32}));
    ring_target(target);
    size_t reported = port_report(report, report_data, target);
    reply(M1, PARTS({session.opening + M1_LENGTH, w.length - M1_LENGTH}, {report, reported}));
    return ACCEPTED;
}

/* enc32 | n | ciphertext[n] | sig64, signed over SHA-256(M1 ‖ M2core) ‖ what is before it and sealed to pkE (M3, Command).
 * Once the signature is good pkE is used up, whatever becomes of the message. The text goes to `to`. */
enum refusal session_unseal(enum purpose purpose, struct part label, const uint8_t *message, size_t length, size_t size_of_length,
                            uint8_t *to, size_t capacity, struct reader *text) {
    if (session.step != CHALLENGED) return NO_SESSION;
    if (session.purpose != purpose) return WRONG_PURPOSE;
    struct reader r = {message, length, false};
    const uint8_t *enc = read_view(&r, 32);
    uint64_t sealed = read_number(&r, size_of_length);
    if (r.bad || sealed < CRYPTO_TAG || r.left < SIGNATURE || sealed != r.left - SIGNATURE || sealed - CRYPTO_TAG > capacity) return MALFORMED;
    if (!signed_by_deployer(PARTS(label, {session.binding, 32}, {message, length - SIGNATURE}), message + length - SIGNATURE)) return BAD_SIGNATURE;

    uint8_t secret[32];
    memcpy(secret, session.secret, sizeof secret);
    crypto_wipe(session.secret, sizeof session.secret);
    session.step = NOTHING;
    crypto_sha256(session.transcript, PARTS({session.opening, session.opening_length}, {message, length}));
    bool authentic = hpke_open(to, r.at, sealed - CRYPTO_TAG, enc, secret, session.public, session.binding, session.exporter);
    crypto_wipe(secret, sizeof secret);
    *text = (struct reader){to, sealed - CRYPTO_TAG, false};
    return authentic ? ACCEPTED : NOT_DECRYPTED;
}

/* The connections that Activate has to name: those that got a key, in the order of their records. */
static void remember_keyed(struct reader r, size_t count) {
    session.keyed = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t type = read_number(&r, 1);
        size_t length = read_number(&r, 2);
        struct reader body = {read_view(&r, length), length, false};
        const struct connection *c = table_find(&kit.table, (uint32_t)read_number(&body, 4));
        if (type != RECORD_SET || c->direction == DEPLOYER) continue;
        session.keys[session.keyed].connection = c->id;
        memcpy(session.keys[session.keyed++].id, c->pending.id, 8);
    }
}

/* incarnation16 | generation u64 | count u16 | record* */
static enum refusal configure(struct reader r) {
    const uint8_t *incarnation = read_view(&r, 16);
    uint64_t generation = read_number(&r, 8);
    size_t count = read_number(&r, 2);
    if (r.bad) return MALFORMED;
    if (!crypto_equal(incarnation, kit.incarnation, 16)) return CHANGED;
    if (generation != kit.table.generation) return CHANGED;
    struct table *draft = table_draft();
    struct reader all = r;
    enum refusal refusal = table_apply(&r, count);
    if (refusal) {
        crypto_wipe(draft, sizeof *draft);
        return refusal;
    }
    table_commit();
    kit.state = STATE_ACTIVE;
    remember_keyed(all, count);
    return ACCEPTED;
}

/* M3; the reply, M4, is a confirmation of 32 bytes. */
static enum refusal receive_m3(const uint8_t *m3, size_t length) {
    struct reader r;
    if (kit.state > STATE_ACTIVE) return WRONG_HANDOVER;
    enum refusal refusal = session_unseal(CONFIGURE, (struct part)LABEL("aex/v1/m3"), m3, length, 2, records, sizeof records, &r);
    if (refusal) return refusal;
    refusal = configure(r);
    crypto_wipe(records, sizeof records);
    if (refusal) return refusal;
    uint8_t m4[32];
    hpke_export(m4, session.exporter, PARTS(LABEL("aex/v1/confirm"), {session.transcript, 32}));
    crypto_sha256(session.transcript, PARTS({session.opening, session.opening_length}, {m3, length}, {m4, 32}));
    session.step = KEYED;
    reply(M3, PARTS({m4, 32}));
    return ACCEPTED;
}

/* "AEXA" | version u8 | transcript32 | count u16 | (connection u32 | keyId8)*count | sig64; the reply is 32 bytes. */
static enum refusal receive_activate(const uint8_t *activate, size_t length) {
    if (session.step != KEYED || kit.state != STATE_ACTIVE) return NO_SESSION;
    struct reader r = {activate, length, false};
    const uint8_t *magic = read_view(&r, 4);
    uint64_t version = read_number(&r, 1);
    const uint8_t *transcript = read_view(&r, 32);
    size_t count = read_number(&r, 2);
    if (r.bad || memcmp(magic, "AEXA", 4) != 0 || version != 1 || r.left != count * 12 + SIGNATURE) return MALFORMED;
    if (!signed_by_deployer(PARTS(LABEL("aex/v1/activate"), {activate, length - SIGNATURE}), activate + length - SIGNATURE)) return BAD_SIGNATURE;
    if (!crypto_equal(transcript, session.transcript, 32)) return NO_SESSION;
    if (count != session.keyed) return KEY_IDS_DIFFER;
    for (size_t i = 0; i < count; i++) {
        uint64_t id = read_number(&r, 4);
        const uint8_t *key_id = read_view(&r, 8);
        if (id != session.keys[i].connection) return KEY_IDS_DIFFER;
        if (!crypto_equal(key_id, session.keys[i].id, 8)) return KEY_IDS_DIFFER;
        const struct connection *c = table_find(&kit.table, session.keys[i].connection);
        if (!c) return KEY_IDS_DIFFER;
        if (c->pending.epoch != 0 && table_resealing(c)) return BUSY;
    }
    for (size_t i = 0; i < count; i++) { /* what a data frame has activated, or this message before, is done already */
        struct connection *c = table_find(&kit.table, session.keys[i].connection);
        if (c->pending.epoch != 0) table_activate(c);
    }
    uint8_t digest[32], activated[32];
    crypto_sha256(digest, PARTS({activate, length}));
    hpke_export(activated, session.exporter, PARTS(LABEL("aex/v1/activated"), {digest, 32}));
    reply(ACTIVATE, PARTS({activated, 32}));
    return ACCEPTED;
}

/* A message from the control ring. Refusals are for diagnosis: nobody vouches for them. */
void session_receive(enum message type, const uint8_t *message, size_t length) {
    enum refusal refusal = type == M1                ? receive_m1(message, length)
                           : kit.state == STATE_FAILED ? INSTANCE_FAILED
                           : type == M3              ? receive_m3(message, length)
                           : type == ACTIVATE        ? receive_activate(message, length)
                           : type == MESSAGE_COMMAND ? command_receive(message, length)
                           : type <= OFFER           ? handover_receive(type, message, length)
                                                     : MALFORMED;
    if (refusal) reply(type, PARTS({(const uint8_t[]){0xFF, 0, (uint8_t)refusal}, 3}));
}
