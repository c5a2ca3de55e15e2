// Where a protected module lies: its linker script.
//
// Text: entry code first (the module's only entry point is its start), functions, constants, the table of entries, and the
// initial values of variables, so that all of it is measured. Secret data: what each entry writes before it has verified
// anything, the stack, then all state that `initialized` vouches for. The last word is where the hardware looks for a
// place to save an interrupted module; interrupts are off in our modules, so it stays 0.

/** A range of addresses; `end` is exclusive and may be 0x10000. */
export interface Region {
    readonly start: number;
    readonly end: number;
}

/** What a module may occupy. */
export interface Placement {
    /** In program memory. */
    readonly text: Region;
    /** In RAM. */
    readonly data: Region;
}

/** The published board: 10 KiB of RAM, 48 KiB of program memory whose last 32 bytes are the interrupt vectors. */
export const BOARD: Placement = { text: { start: 0x4000, end: 0xffe0 }, data: { start: 0x0200, end: 0x2a00 } };

const hex = (value: number): string => `0x${value.toString(16)}`;

/** Output sections that go into memory; anything else in memory is an error of the module. */
export const TEXT_SECTION = ".text";
export const INITIAL_VALUES_SECTION = ".data";
export const DATA_SECTIONS: readonly string[] = [".incoming", ".stack", ".state", INITIAL_VALUES_SECTION, ".bss", ".save"];

/**
 * The linker script of a module.
 *
 * @param place - even start addresses
 * @param stackBytes - even
 */
export function linkerScript(place: Placement, stackBytes: number): string {
    return `ENTRY(__sancus_entry)
SECTIONS
{
    . = ${hex(place.data.start)};
    __secret_start = .;
    .incoming (NOLOAD) : { *(.sancus.incoming) }
    .stack (NOLOAD) : { __stack_start = .; . += ${stackBytes}; __stack_end = .; }
    __stack_guard = __stack_start + 2;
    __wipe_start = __stack_start;
    .state (NOLOAD) : { *(.sancus.state) }
    ${INITIAL_VALUES_SECTION} : { . = ALIGN(2); __data_start = .; *(.data .data.*) . = ALIGN(2); __data_end = .; }
    .bss (NOLOAD) : { *(.bss .bss.*) *(COMMON) . = ALIGN(2); }
    .save (NOLOAD) : { . += 2; }
    __wipe_end = .;
    __secret_end = .;
    . = ${hex(place.text.start)};
    ${TEXT_SECTION} : {
        __public_start = .;
        KEEP(*(.text.sancus_entry))
        *(.text .text.*)
        *(.rodata .rodata.*)
        . = ALIGN(2);
        *(.authentic.config) *(.authentic.drivers) *(.authentic.kit)
        . = ALIGN(2);
        board_interface = .;
        KEEP(*(.authentic.interface))
        board_interface_end = .;
        __entries = .;
        KEEP(*(.sancus.entries))
        __entries_end = .;
        __data_load = .;
    }
    __entry_count = (__entries_end - __entries) / 2;
    __public_end = __data_load + (__data_end - __data_start);
    /DISCARD/ : { *(.eh_frame*) *(.comment*) *(.debug*) *(.note*) *(.MSP430.attributes) *(.llvm_addrsig) }
}
`;
}
