/* The board MPS2+ AN505: its memory and peripheral protection controllers (Arm IoT Kit, DDI0572), and its devices. */
#include "../../board.h"

#include <string.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* Security privilege control block: who may use which peripheral, and what a refused access gets. */
#define SECRESPCFG 0x50080010
#define NSCCFG 0x50080014
#define AHBNSPPCEXP0 0x50080060
#define AHB_ETHERNET (1u << 5)

/* A memory protection controller: one bit a block, set for non-secure. */
#define MPC_SSRAM1 0x58007000
#define MPC_SSRAM3 0x58009000
enum { MPC_CTRL = 0x00, MPC_BLK_MAX = 0x10, MPC_BLK_IDX = 0x18, MPC_BLK_LUT = 0x1c, MPC_BUS_ERROR = 1 << 4 };

/* Interrupts that the non-secure world gets: bits of NVIC_ITNS1. */
#define NVIC_ITNS1 0xE000E384

/* Where whoever starts the board puts the secrets: on QEMU the loader, on a device its key store would take this place. */
#define SECRETS 0x30000000

/* Board control registers with eight LEDs, and the FPGA's own with two LEDs, two buttons and counters. */
#define SCC_CFG1 0x50300004
#define FPGAIO 0x50302000
enum { FPGAIO_LED = 0x00, FPGAIO_BUTTON = 0x08, FPGAIO_CLK1HZ = 0x10, FPGAIO_CLK100HZ = 0x14, FPGAIO_COUNTER = 0x18 };

/* CMSDK timer 0: counts down from its reload value at the processor's clock. */
#define TIMER0 0x50000000
enum { TIMER_CTRL = 0x00, TIMER_VALUE = 0x04, TIMER_RELOAD = 0x08 };

enum peripheral { LED0 = 1, LED7 = 8, USER_LED0 = 9, USER_LED1 = 10, BUTTON0 = 11, BUTTON1 = 12, CLOCK_1HZ = 13, CLOCK_100HZ = 14, COUNTER = 15, TIMER = 16, PERIPHERALS };

static void mpc_open(uint32_t base, uint32_t divisor) {
    REGISTER(base + MPC_CTRL) = MPC_BUS_ERROR;
    uint32_t words = REGISTER(base + MPC_BLK_MAX) + 1;
    for (uint32_t i = 0; i < words; i++) {
        REGISTER(base + MPC_BLK_IDX) = i;
        REGISTER(base + MPC_BLK_LUT) = i >= words / divisor * (divisor - 1) ? 0xffffffff : 0;
    }
}

void board_protect(void) {
    REGISTER(NSCCFG) = 1;     /* the code region may have callable gateways; the SAU says where */
    REGISTER(SECRESPCFG) = 1; /* a refused access to a peripheral is a bus error, not a zero */
    mpc_open(MPC_SSRAM1, 2);  /* upper half */
    mpc_open(MPC_SSRAM3, 1);  /* all of it */
    REGISTER(AHBNSPPCEXP0) = AHB_ETHERNET;
    REGISTER(NVIC_ITNS1) = 1u << (ETHERNET_INTERRUPT - 32);
}

void board_take_secrets(struct board_secrets *secrets) {
    memcpy(secrets, (const void *)SECRETS, sizeof *secrets);
    volatile uint8_t *source = (volatile uint8_t *)SECRETS;
    for (size_t i = 0; i < sizeof *secrets; i++) source[i] = 0;
}

bool board_peripheral_exists(unsigned number) { return number >= LED0 && number < PERIPHERALS; }

static uint32_t bit_of(uint32_t address, unsigned bit) { return REGISTER(address) >> bit & 1; }

static void set_bit(uint32_t address, unsigned bit, uint32_t value) {
    uint32_t others = REGISTER(address) & ~(1u << bit);
    REGISTER(address) = others | (value != 0 ? 1u << bit : 0);
}

bool board_peripheral_read(unsigned number, uint32_t *value) {
    if (number >= LED0 && number <= LED7) *value = bit_of(SCC_CFG1, number - LED0);
    else if (number == USER_LED0 || number == USER_LED1) *value = bit_of(FPGAIO + FPGAIO_LED, number - USER_LED0);
    else if (number == BUTTON0 || number == BUTTON1) *value = bit_of(FPGAIO + FPGAIO_BUTTON, number - BUTTON0);
    else if (number == CLOCK_1HZ) *value = REGISTER(FPGAIO + FPGAIO_CLK1HZ);
    else if (number == CLOCK_100HZ) *value = REGISTER(FPGAIO + FPGAIO_CLK100HZ);
    else if (number == COUNTER) *value = REGISTER(FPGAIO + FPGAIO_COUNTER);
    else if (number == TIMER) *value = REGISTER(TIMER0 + TIMER_VALUE);
    else return false;
    return true;
}

bool board_peripheral_write(unsigned number, uint32_t value) {
    if (number >= LED0 && number <= LED7) set_bit(SCC_CFG1, number - LED0, value);
    else if (number == USER_LED0 || number == USER_LED1) set_bit(FPGAIO + FPGAIO_LED, number - USER_LED0, value);
    else if (number == TIMER) {
        REGISTER(TIMER0 + TIMER_RELOAD) = value;
        REGISTER(TIMER0 + TIMER_VALUE) = value;
        REGISTER(TIMER0 + TIMER_CTRL) = value != 0;
    } else return false;
    return true;
}
