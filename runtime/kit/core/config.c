/* The measured configuration (section 2), the declarations (section 3) and devices. */
#include "kit.h"

enum { TYPE_INTEGER = 1, TYPE_TEXT = 2, PREAMBLE = 8 };

struct identity identity;
static int64_t integers[AUTHENTIC_DECLARATIONS];

size_t interface_count(void) { return (size_t)(port_interface_end - port_interface); }

size_t interface_endpoint(const struct authentic_declaration *declaration) { return (size_t)(declaration - port_interface); }

/* The declaration of an endpoint, when it exists and is of that kind; else NULL. */
const struct authentic_declaration *interface_at(size_t endpoint, enum authentic_kind kind) {
    return endpoint < interface_count() && port_interface[endpoint].kind == kind ? &port_interface[endpoint] : NULL;
}

/* The value of one entry goes to the declaration of its name; false when there is none or it does not fit. */
static bool config_entry(const uint8_t *name, size_t name_length, uint64_t type, struct reader value) {
    for (size_t i = 0; i < interface_count(); i++) {
        const struct authentic_declaration *d = &port_interface[i];
        if (name_length >= AUTHENTIC_NAME || memcmp(d->name, name, name_length) != 0 || d->name[name_length] != 0) continue;
        if (type == TYPE_INTEGER && d->kind == AUTHENTIC_KIND_INTEGER && value.left == 8) {
            integers[i] = (int64_t)read_number(&value, 8);
            return true;
        }
        if (type == TYPE_TEXT && d->kind == AUTHENTIC_KIND_TEXT && value.left <= d->maximum) {
            memcpy(d->data, value.at, value.left);
            return true;
        }
    }
    return false;
}

/* "AEXC" | version u8 | reserved u8 | length u16 | deployment16 | instance16 | deployerKey32 | count u16 | entry*
 * entry: nameLength u8 | name | type u8 | valueLength u16 | value */
bool config_load(void) {
    struct reader r = {port_configuration, (size_t)(port_configuration_end - port_configuration), false};
    const uint8_t *magic = read_view(&r, 4);
    if (!magic || memcmp(magic, "AEXC", 4) != 0 || read_number(&r, 1) != 1 || read_number(&r, 1) != 0) return false;
    uint64_t length = read_number(&r, 2), declared = 0;
    if (length < PREAMBLE || length - PREAMBLE > r.left || interface_count() > AUTHENTIC_DECLARATIONS) return false;
    r.left = length - PREAMBLE;
    identity.deployment = read_view(&r, 16);
    identity.instance = read_view(&r, 16);
    identity.deployer_key = read_view(&r, 32);
    uint64_t count = read_number(&r, 2);
    for (uint64_t i = 0; i < count && !r.bad; i++) {
        size_t name_length = read_number(&r, 1);
        const uint8_t *name = read_view(&r, name_length);
        uint64_t type = read_number(&r, 1);
        size_t value_length = read_number(&r, 2);
        struct reader value = {read_view(&r, value_length), value_length, false};
        if (r.bad || !config_entry(name, name_length, type, value)) return false;
    }
    for (size_t i = 0; i < interface_count(); i++)
        declared += port_interface[i].kind == AUTHENTIC_KIND_INTEGER || port_interface[i].kind == AUTHENTIC_KIND_TEXT;
    return read_done(&r) && declared == count;
}

int64_t authentic_integer(const struct authentic_declaration *integer) { return integers[interface_endpoint(integer)]; }

/* Where a port has no devices of its own, they are the host's: its pins, and what it is told of writes. */
__attribute__((weak)) bool port_device_read(size_t endpoint, uint32_t *value) {
    (void)endpoint, (void)value;
    return false;
}

__attribute__((weak)) void port_device_write(size_t endpoint, uint32_t value) { (void)endpoint, (void)value; }

__attribute__((weak)) void port_devices_pass(const uint8_t measurement[32]) { (void)measurement; }

uint32_t authentic_device_read(const struct authentic_declaration *device) {
    uint32_t value;
    size_t endpoint = interface_endpoint(device);
    return port_device_read(endpoint, &value) ? value : pin_read(endpoint);
}
