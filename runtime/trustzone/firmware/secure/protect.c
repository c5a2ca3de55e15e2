/* The two protection units: the SAU divides memory between the worlds, the secure MPU confines the module that runs. */
#include "firmware.h"

#define SAU_CTRL 0xE000EDD0
#define SAU_RNR 0xE000EDD8
#define SAU_RBAR 0xE000EDDC
#define SAU_RLAR 0xE000EDE0
#define MPU_CTRL 0xE000ED94
#define MPU_RNR 0xE000ED98
#define MPU_RBAR 0xE000ED9C
#define MPU_RLAR 0xE000EDA0
#define MPU_MAIR0 0xE000EDC0
#define AIRCR 0xE000ED0C
#define SHPR2 0xE000ED1C
#define SHPR3 0xE000ED20
#define SHCSR 0xE000ED24

enum { CALLABLE = 2, ENABLED = 1 };
enum access { PRIVILEGED_WRITE = 0, ALL_WRITE = 1, PRIVILEGED_READ = 2, ALL_READ = 3 };
/* The first four regions belong to the module that runs; the others are fixed. */
enum { REGION_CODE, REGION_DATA, REGION_WINDOW, MODULE_REGIONS, REGION_FIRMWARE = 4, REGION_FIRMWARE_RAM };

static void sau(uint32_t region, uint32_t start, uint32_t end, uint32_t flags) {
    REGISTER(SAU_RNR) = region;
    REGISTER(SAU_RBAR) = start;
    REGISTER(SAU_RLAR) = ((end - 1) & ~31u) | flags | ENABLED;
}

static void mpu(uint32_t region, uint32_t start, uint32_t end, enum access access, bool executable) {
    REGISTER(MPU_RNR) = region;
    REGISTER(MPU_RLAR) = 0;
    REGISTER(MPU_RBAR) = start | (uint32_t)access << 1 | !executable;
    REGISTER(MPU_RLAR) = ((end - 1) & ~31u) | ENABLED;
}

extern uint8_t gateways_start[], gateways_end[];

void protect_worlds(void) {
    sau(0, NONSECURE_CODE, NONSECURE_CODE_END, 0);
    sau(1, NONSECURE_RAM, NONSECURE_RAM_END, 0);
    sau(2, NONSECURE_PERIPHERALS, NONSECURE_PERIPHERALS_END, 0);
    sau(3, (uint32_t)gateways_start, (uint32_t)gateways_end, CALLABLE);
    REGISTER(SAU_CTRL) = 1;

    /* PRIS: no priority of the non-secure world reaches that of a secure fault. Faults, reset and NMI stay secure. */
    REGISTER(AIRCR) = 0x05FA0000u | 1u << 14 | 1u << 3;
    REGISTER(SHPR2) = 0x40000000;                /* SVCall below the faults */
    REGISTER(SHPR3) = 0x40000000;                /* SysTick */
    REGISTER(SHCSR) = 1u << 16 | 1u << 17 | 1u << 18 | 1u << 19; /* MemManage, Bus, Usage and SecureFault have their own handlers */

    REGISTER(MPU_MAIR0) = 0x44; /* normal memory, not cached */
    mpu(REGION_FIRMWARE, FIRMWARE_START, FIRMWARE_START + FIRMWARE_SIZE, PRIVILEGED_READ, true);
    mpu(REGION_FIRMWARE_RAM, FIRMWARE_RAM, FIRMWARE_RAM + FIRMWARE_RAM_SIZE, PRIVILEGED_WRITE, false);
    protect_nothing();
    REGISTER(MPU_CTRL) = 5; /* on; privileged code may use what no region covers */
    __asm__ volatile("dsb\n isb" : : : "memory");
}

/* Its code read-only, its stacks and data not executable, its window to the outside, and nothing else. */
void protect_module(unsigned slot) {
    uint32_t start = (uint32_t)slot_memory(slot), window = WINDOW_START + slot * WINDOW_STRIDE;
    mpu(REGION_CODE, start, start + slots[slot].code, ALL_READ, true);
    mpu(REGION_DATA, start + slots[slot].code, start + SLOT_SIZE, ALL_WRITE, false);
    mpu(REGION_WINDOW, window, window + WINDOW_SIZE, ALL_WRITE, false);
    __asm__ volatile("dsb\n isb" : : : "memory");
}

/* No module runs. */
void protect_nothing(void) {
    for (uint32_t region = 0; region < MODULE_REGIONS; region++) {
        REGISTER(MPU_RNR) = region;
        REGISTER(MPU_RLAR) = 0;
    }
    __asm__ volatile("dsb\n isb" : : : "memory");
}
