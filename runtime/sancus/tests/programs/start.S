; Holds the watchdog, sets the stack, copies initialized data, runs main and switches the CPU off.
    .section .text.start, "ax"
    .global start
start:
    mov #0x5a80, &0x0120
    mov #0x2a00, sp
    mov #data_start, r12
    mov #data_load, r13
    mov #data_size, r14
    call #memcpy
    call #main
    bis #0x10, sr
