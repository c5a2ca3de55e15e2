/* Memory of Arm's MPS2+ with the FPGA image AN505 (Arm document DAI0505), as QEMU's `mps2-an505` has it. Secure aliases have
 * bit 28 set. SSRAM1: lower half secure firmware and two slots, upper half non-secure code; SSRAM2: eight slots; SSRAM3: non-secure
 * data. */
#ifndef TRUSTZONE_LAYOUT_H
#define TRUSTZONE_LAYOUT_H

#define BOARD_NAME "mps2-an505"
#define PROCESSOR_HZ 20000000

#define FIRMWARE_START 0x10000000
#define FIRMWARE_SIZE 0x00100000
#define FIRMWARE_RAM 0x10100000
#define FIRMWARE_RAM_SIZE 0x00080000

/* Eight for modules, and two for the next instances of those that are updated. */
#define SLOTS 10
#define SLOT_SIZE 0x00040000
#define SLOT_ADDRESS(slot) ((slot) < 8 ? 0x38000000 + (slot) * SLOT_SIZE : 0x10180000 + ((slot) - 8) * SLOT_SIZE)

#define NONSECURE_CODE 0x00200000
#define NONSECURE_CODE_END 0x00400000
#define NONSECURE_RAM 0x28200000
#define NONSECURE_RAM_END 0x28400000
#define NONSECURE_PERIPHERALS 0x40000000
#define NONSECURE_PERIPHERALS_END 0x50000000

/* Each slot shares one window of non-secure memory with the outside: the three rings of docs/protocol.md section 8. */
#define WINDOW_START 0x28280000
#define WINDOW_STRIDE 0x00020000
#define RING_CONTROL 16384
#define RING_EVENTS 16384
#define RING_OUT 32768
#define WINDOW_SIZE (4096 + RING_CONTROL + RING_EVENTS + RING_OUT)

/* The non-secure world's network controller. */
#define ETHERNET 0x42000000
#define ETHERNET_INTERRUPT 48

#endif
