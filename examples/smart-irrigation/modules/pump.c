// Pump: runs as long as the valve is open, as the valve itself says, and tells the dashboard.
#include <authentic.h>
#include "irrigation.h"

AUTHENTIC_DEVICE(motor, AUTHENTIC_WRITTEN)
AUTHENTIC_OUTPUT(running, 1)

AUTHENTIC_INPUT(valve, 1) {
    if (length != 1) return;
    const uint8_t on = *(const uint8_t *)data == VALVE_OPEN;
    if (motor_write(on) == AUTHENTIC_OK) running(&on, 1);
}
