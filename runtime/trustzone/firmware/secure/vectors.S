@ Exception entry of the secure world, and the way into a module and back (Armv8-M Architecture Reference Manual, chapter B3).
@ A module runs in thread mode on the process stack, unprivileged; the firmware on the main stack.
    .syntax unified
    .thumb

    .section .vectors, "a", %progbits
    .word stack_top
    .word firmware_reset
    .word fault_entry                   @ NMI
    .word fault_entry                   @ HardFault
    .word fault_entry                   @ MemManage
    .word fault_entry                   @ BusFault
    .word fault_entry                   @ UsageFault
    .word fault_entry                   @ SecureFault
    .word 0, 0, 0
    .word service_entry                 @ SVCall
    .word fault_entry                   @ DebugMonitor
    .word 0
    .word fault_entry                   @ PendSV
    .word tick_entry                    @ SysTick
    .rept 112
    .word fault_entry                   @ no interrupt belongs to the secure world
    .endr

    .section .text.entries, "ax", %progbits
    .globl firmware_reset
    .type firmware_reset, %function
    .thumb_func
firmware_reset:
    ldr r0, =stack_limit
    msr msplim, r0
    ldr r0, =stack_top
    msr msp, r0
    ldr r1, =0xFEF5EDA5                 @ seals the main stack, and the process stack that no module has: whatever the
    mov r2, r1                          @ non-secure world returns to, this is no frame and no address
    strd r1, r2, [r0]
    msr psplim, r0
    msr psp, r0
    b firmware_start_up

@ Each handler gets EXC_RETURN and returns the one to leave with.
    .type fault_entry, %function
    .thumb_func
fault_entry:
    push {r4, lr}
    mov r0, lr
    bl run_fault
    pop {r4, lr}
    bx r0

    .type tick_entry, %function
    .thumb_func
tick_entry:
    push {r4, lr}
    mov r0, lr
    bl run_tick
    pop {r4, lr}
    bx r0

    .type service_entry, %function
    .thumb_func
service_entry:
    tst lr, #4                          @ SPSEL: set when a module calls
    ite eq
    mrseq r1, msp
    mrsne r1, psp
    push {r4, lr}
    mov r0, lr
    bl run_service                      @ r0: EXC_RETURN, r1: 1 when a module begins
    pop {r4, lr}
    cbz r1, 1f
    movs r4, #0                         @ nothing of the firmware is left in a register
    mov r5, r4
    mov r6, r4
    mov r7, r4
    mov r8, r4
    mov r9, r4
    mov r10, r4
    mov r11, r4
1:  bx r0

@ uint32_t run_begin(uint32_t entry, uint32_t reason, uint32_t window, uint32_t argument): enters the module; its
@ outcome is what this returns.
    .globl run_begin
    .type run_begin, %function
    .thumb_func
run_begin:
    push {r4-r11, lr}
    sub sp, #4
    svc #0
    add sp, #4
    pop {r4-r11, pc}
    .section .note.GNU-stack, "", %progbits
