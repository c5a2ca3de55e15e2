/* SMSC LAN9118 (data sheet of 2007): its registers, and frames through its FIFOs. Interrupts stay masked in the processor;
 * WFI wakes on a pending one. Polling instead would starve an emulator of the time in which frames arrive. */
#include "ethernet.h"

#include "../board.h"

#define REGISTER(offset) (*(volatile uint32_t *)(ETHERNET + (offset)))
#define NVIC_ISER1 (*(volatile uint32_t *)0xE000E104)
#define NVIC_ICPR1 (*(volatile uint32_t *)0xE000E284)

enum { RX_DATA = 0x00, TX_DATA = 0x20, RX_STATUS = 0x40, TX_STATUS = 0x48, IRQ_CFG = 0x54, INT_STS = 0x58, INT_EN = 0x5c, FIFO_INT = 0x68, TX_CFG = 0x70, RX_FIFO_INF = 0x7c, TX_FIFO_INF = 0x80, MAC_COMMAND = 0xa4, MAC_DATA = 0xa8 };
enum { MAC_CR = 1, MAC_BUSY = 1u << 31, MAC_RECEIVE = 1 << 2, MAC_SEND = 1 << 3, MAC_PROMISCUOUS = 1 << 18 };
enum { IRQ_ENABLE = 0x111, RSFL = 8, TX_ON = 2, TX_FIRST = 1 << 13, TX_LAST = 1 << 12, CHECKSUM = 4, LENGTH_SHIFT = 16, LENGTH_MASK = 0x3fff };

static void mac_write(uint32_t number, uint32_t value) {
    while (REGISTER(MAC_COMMAND) & MAC_BUSY) {}
    REGISTER(MAC_DATA) = value;
    REGISTER(MAC_COMMAND) = MAC_BUSY | number;
}

void ethernet_start(void) {
    mac_write(MAC_CR, MAC_RECEIVE | MAC_SEND | MAC_PROMISCUOUS);
    REGISTER(TX_CFG) = TX_ON;
    REGISTER(FIFO_INT) = 0;
    REGISTER(IRQ_CFG) = IRQ_ENABLE;
    REGISTER(INT_EN) = RSFL;
    NVIC_ISER1 = 1u << (ETHERNET_INTERRUPT - 32);
}

size_t ethernet_receive(uint32_t frame[(ETHERNET_FRAME + 4) / 4 + 1]) {
    while ((REGISTER(RX_FIFO_INF) >> 16 & 0xff) == 0) {
        __asm__ volatile("wfi" : : : "memory");
        REGISTER(INT_STS) = 0xffffffff;
        NVIC_ICPR1 = 1u << (ETHERNET_INTERRUPT - 32);
    }
    size_t length = REGISTER(RX_STATUS) >> LENGTH_SHIFT & LENGTH_MASK, words = (length + 3) / 4;
    for (size_t i = 0; i < words; i++) {
        uint32_t word = REGISTER(RX_DATA);
        if (i < (ETHERNET_FRAME + CHECKSUM) / 4 + 1) frame[i] = word;
    }
    return length < CHECKSUM || length > ETHERNET_FRAME + CHECKSUM ? 0 : length - CHECKSUM;
}

void ethernet_send(const uint32_t *frame, size_t length) {
    REGISTER(TX_DATA) = TX_FIRST | TX_LAST | (uint32_t)length;
    REGISTER(TX_DATA) = (uint32_t)length;
    for (size_t i = 0; i < (length + 3) / 4; i++) REGISTER(TX_DATA) = frame[i];
    while (REGISTER(TX_FIFO_INF) >> 16 & 0xff) (void)REGISTER(TX_STATUS);
}
