# Entry of a native module (System V): relocates the image once, then runs the kit on a stack of its own, so that no
# secret is left on the host's. rdi, rsi, rdx: reason, shared region, size.
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
    mov %rdi, %r12
    mov %rsi, %r13
    mov %rdx, %r14
    cmpb $0, relocated(%rip)
    jne 1f
    movb $1, relocated(%rip)
    lea __ehdr_start(%rip), %rdi
    lea _DYNAMIC(%rip), %rsi
    call port_relocate
1:  mov %r12, %rdi
    mov %r13, %rsi
    mov %r14, %rdx
    call kit_enter
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

# void port_switch(void **save, void *load)
    .globl port_switch
    .hidden port_switch
    .type port_switch, @function
port_switch:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .section .authentic.config, "a", @progbits
    .balign 4096
    .globl port_configuration, port_configuration_end
    .hidden port_configuration, port_configuration_end
port_configuration:
    .zero 4096
port_configuration_end:

    .bss
relocated:
    .byte 0
    .balign 64
    .zero 65536
kit_stack_top:
    .section .note.GNU-stack, "", @progbits
