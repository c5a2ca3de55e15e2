; The driver of a port: a protected module whose secret range is the port's registers. Only it reads or writes them, and it
; does so for one other module alone, whose place and measurement are in its own measured text.
;
; It has no memory of its own besides, so it keeps nothing between calls and verifies its caller each time. Interrupts are
; off in here: the last word of its secret range, where the hardware would save registers, is a device register.
;
; Call: r6 operation (0 read, 1 write, 2 give the port up), r7 where to go on, r12 value. Back: r12 the port's levels, r13 0 accepted, 1 refused.
; A call by anybody but the user ends in a violation, so that the board tells of it.

#define PORT_IN (PORT)
#define PORT_OUT (PORT + 1)
#define PORT_DIRECTION (PORT + 2)
#define PORT_FLAGS (PORT + 3)
#define PORT_EDGE (PORT + 4)
#define PORT_ENABLE (PORT + 5)

    .section .text, "ax", @progbits
    .global driver_start, driver_end, driver_user
driver_start:
    dint
    clr r15
    .word 0x1388                ; the caller's stack guard does not hold here
    cmp #driver_start, r7       ; a continuation in here would be a jump of the caller's choice
    jlo 1f
    cmp #driver_end, r7
    jhs 1f
foreign:
    clr &driver_start           ; a write to text: the violation ends this call
1:  mov #USER, r14
    mov #driver_user, r15
    .word 0x1382                ; verify: the id of our user, if that is who lies there
    tst r15
    jz foreign
    mov r15, r14
    .word 0x1387                ; the caller
    cmp r14, r15
    jne foreign
    tst r6
    jz read
    cmp #1, r6
    jeq write
    cmp #2, r6
    jne refuse
    clr r12
    clr r13
    mov #0xffff, r6
    mov r7, r15
    .word 0x1380                ; disable: the registers are zeroed, and the user continues
write:
    mov.b r12, &PORT_OUT
    mov.b #0xff, &PORT_DIRECTION
read:
    mov.b &PORT_IN, r12
#if INTERRUPTS
    mov.b r12, &PORT_EDGE       ; the next change of any pin, up or down
    clr.b &PORT_FLAGS
    mov.b #0xff, &PORT_ENABLE
#endif
    clr r13
    jmp leave
refuse:
    clr r12
    mov #1, r13
leave:
    mov #0xffff, r6
    clr r14
    clr r15
    clr sr
    br r7

    .balign 2
driver_user: .skip SANCUS_SECURITY / 8
driver_end:
