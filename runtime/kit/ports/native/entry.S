# Entry of a native module (System V): runs the kit on a stack of its own, so that no secret is left on the host's.
# rdi, rsi, rdx: reason, shared region, size.
    .text
    .globl authentic_enter
    .type authentic_enter, @function
authentic_enter:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rbx
    lea kit_stack_top(%rip), %rsp       # a fault leaves whatever was there behind: it is never gone back to
    push %rbx
    sub $8, %rsp
    cld
    call port_enter
    add $8, %rsp
    pop %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    vzeroall                            # keys pass through vector registers
    ret

#include "../x86_64/switch.S"
