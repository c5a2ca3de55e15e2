/* What a module attests about itself (section 4, status). */
#include "kit.h"

/* The builder passes the digest of the kit's sources and the compiler version. */
static const uint8_t KIT[32] = {AUTHENTIC_KIT_DIGEST};

uint8_t status_flags(const struct connection *c) {
    return (c->active ? FLAG_ACTIVE : 0) | (c->pending.epoch ? FLAG_PENDING : 0) | (c->retired ? FLAG_RETIRED : 0) | (c->reset ? FLAG_RESET : 0);
}

/* version u8 | state u8 | handOver u16 | incarnation16 | generation u64 | commandNext u64 | kit32 | n u16 | g u16
 * | connection*n | grant u16 *g | where handOver is 1: h32 | targetHash32
 * connection: connection u32 | endpoint u16 | direction u8 | delivery u8 | suite u8 | flags u8 | window u16
 *             | epoch u64 | keyId8 | pendingEpoch u64 | pendingKeyId8 | next u64 | acknowledged u64 | gaps u64 */
void status_write(struct writer *w) {
    const struct table *table = &kit.table;
    write_number(w, 1, 1);
    write_number(w, kit.state, 1);
    uint8_t bytes[64];
    struct writer handover = {bytes, 0, sizeof bytes, false};
    write_number(w, handover_status(&handover), 2);
    write_bytes(w, kit.incarnation, 16);
    write_number(w, table->generation, 8);
    write_number(w, kit.command_next, 8);
    write_bytes(w, KIT, sizeof KIT);
    write_number(w, table->count, 2);
    write_number(w, (uint64_t)__builtin_popcountll(table->grants), 2);
    for (size_t i = 0; i < table->count; i++) {
        const struct connection *c = &table->at[i];
        write_number(w, c->id, 4);
        write_number(w, c->endpoint, 2);
        write_number(w, c->direction, 1);
        write_number(w, c->delivery, 1);
        write_number(w, c->current.epoch ? c->current.suite : c->pending.suite, 1);
        write_number(w, status_flags(c), 1);
        write_number(w, c->current.epoch ? c->window : c->pending_window, 2);
        write_number(w, c->current.epoch, 8);
        write_bytes(w, c->current.id, 8);
        write_number(w, c->pending.epoch, 8);
        write_bytes(w, c->pending.id, 8);
        write_number(w, c->next, 8);
        write_number(w, c->acknowledged, 8);
        write_number(w, c->gaps, 8);
    }
    for (size_t endpoint = 0; endpoint < AUTHENTIC_DECLARATIONS; endpoint++)
        if (table->grants >> endpoint & 1) write_number(w, endpoint, 2);
    write_bytes(w, bytes, handover.length);
}
