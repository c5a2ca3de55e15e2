; Boot code, interrupt handlers and the way into modules. None of this is protected: an attacker may replace all of it but
; the boot code, which a board has in memory that cannot be written.
;
; What a module wrote stays in RAM when the board resets, while nobody owns it any more; so RAM is wiped first.

#define RAM_START 0x0200
#define RAM_END 0x2a00
#define STACK 0x0a00

    .section .text.boot, "ax", @progbits
    .global boot
boot:
    dint
    mov #0x5a80, &0x0120        ; hold the watchdog
    mov #RAM_START, r12
1:  clr 0(r12)
    incd r12
    cmp #RAM_END, r12
    jlo 1b
    mov #STACK, sp
    call #main

; A module did what it must not, or something did to it. The stack may be gone: start from its top.
violation:
    clr r15
    .word 0x1388                ; no stack guard
    clr sr
    mov #STACK, sp
    call #violated

; Each only ends the sleep, with interrupts off: the program looks at the registers itself.
received:
    bic #0x18, 0(sp)
    reti
port_1:
    bis.b #1, &ports
    bic #0x18, 0(sp)
    reti
port_2:
    bis.b #2, &ports
    bic #0x18, 0(sp)
    reti
unexpected:
    reti

    .section .text.call_module, "ax", @progbits
    .global call_module
; r12 start of the module, r13 entry, r14 four arguments. Returns r12 its result; `refused` gets r13.
call_module:
    push r4
    push r5
    push r6
    push r7
    push r8
    push r9
    push r10
    mov r12, r11
    mov r13, r6
    mov r14, r10
    mov @r10+, r12
    mov @r10+, r13
    mov @r10+, r14
    mov @r10, r15
    mov #1f, r7
    br r11
1:  mov r13, &refused
    pop r10
    pop r9
    pop r8
    pop r7
    pop r6
    pop r5
    pop r4
    ret

    .section .text.enable_module, "ax", @progbits
    .global enable_module
; r12: vendor, ps, pe, ss, se, five words. Returns the id, or 0.
enable_module:
    push r9
    push r10
    mov r12, r8
    mov @r8+, r11
    mov @r8+, r12
    mov @r8+, r13
    mov @r8+, r14
    mov @r8, r15
    clr r9
    clr r10
    .word 0x1381
    mov r15, r12
    pop r10
    pop r9
    ret

    .section .text.module_id, "ax", @progbits
    .global module_id
module_id:
    mov r12, r15
    .word 0x1386
    mov r15, r12
    ret

    .section .text.sleep, "ax", @progbits
    .global sleep
sleep:
    bis #0x18, sr               ; interrupts on and CPU off in one instruction
    dint
    nop
    ret

    .section .vectors, "a", @progbits
    .word unexpected, unexpected, port_1, port_2, unexpected, unexpected, unexpected, received
    .word unexpected, unexpected, unexpected, unexpected, unexpected, violation, unexpected, boot
