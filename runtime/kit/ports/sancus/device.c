/* Devices: each belongs to a driver, a protected module that owns the registers and serves one other module, this one. */
#include "kit.h"

/* The id of the endpoint's driver if its measurement is `tag`, which the deployer has sent; 0 otherwise. */
u16 driver_verify(u16 endpoint, const u8 *tag) {
    u16 address = endpoint < ENDPOINTS ? board_drivers[endpoint] : 0;
    return address ? sancus_verify((const void *)address, tag) : 0;
}

/* Ends a driver that was never granted, if it is there. Whoever else is at its place may only waste our time. */
void driver_dismiss(u16 endpoint) {
    static const u16 nothing[4];
    u16 address = board_drivers[endpoint], id = address ? sancus_id((const void *)address) : 0;
    if (id) sancus_call(id, (const void *)address, DRIVER_LEAVE, nothing);
}

/* Ids are never given twice, so the one that was verified still is that driver, or nobody. 0xffff: refused. */
u16 driver_call(u16 endpoint, u16 operation, u16 value) {
    u16 arguments[4] = {value, 0, 0, 0};
    u16 address = endpoint < ENDPOINTS ? board_drivers[endpoint] : 0;
    if (!address || !kit.drivers[endpoint] || sancus_id((const void *)address) != kit.drivers[endpoint]) return 0xffff;
    return sancus_call(kit.drivers[endpoint], (const void *)address, operation, arguments);
}
