@ Entry of a module on TrustZone-M (Armv8-M, unprivileged): relocates the image once, then runs the kit. The firmware
@ enters with r0 reason, r1 shared region, r2 its size or the cause, on the stack between the image's code and its data.
    .syntax unified
    .thumb
    .section .text.authentic_enter, "ax", %progbits
    .globl authentic_enter
    .type authentic_enter, %function
authentic_enter:
    mov r4, r0
    mov r5, r1
    mov r6, r2
    bl port_relocate
    sub sp, #8                          @ kit_enter takes u64 reason in r0 and r1, shared in r2, u64 size on the stack
    movs r1, #0
    str r6, [sp]
    str r1, [sp, #4]
    mov r0, r4
    mov r2, r5
    bl kit_enter
    mov r1, r0
    movs r0, #1                         @ service 1: leave with this outcome
    svc #0
    udf #0                              @ the firmware does not return from it

@ uint32_t port_service(uint32_t service, uintptr_t a, uintptr_t b, uintptr_t c): a call of the firmware.
    .section .text.port_service, "ax", %progbits
    .globl port_service
    .hidden port_service
    .type port_service, %function
port_service:
    svc #0
    bx lr

@ void port_switch(void **save, void *load)
    .section .text.port_switch, "ax", %progbits
    .globl port_switch
    .hidden port_switch
    .type port_switch, %function
port_switch:
    push {r4-r11, lr}
    mov r2, sp
    str r2, [r0]
    mov sp, r1
    pop {r4-r11, pc}

    .section .authentic.config, "a", %progbits
    .balign 32
    .globl port_configuration, port_configuration_end
    .hidden port_configuration, port_configuration_end
port_configuration:
    .zero 1024
port_configuration_end:

    .section .stack, "aw", %nobits
    .globl port_module_stack
    .hidden port_module_stack
    .balign 32
port_module_stack:                      @ lowest, so that its overflow meets the read-only code
    .zero 16384
port_module_stack_end:
    .zero 24576                         @ the kit's own
    .section .note.GNU-stack, "", %progbits
