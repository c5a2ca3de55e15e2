# What every port for this processor has: the switch of stacks, the measured block, and stacks with a page of their own
# that link.ld puts behind gaps without memory.

# void port_switch(void **save, void *load)
    .text
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

    .macro stack name, size
    .section .stacks.\name, "aw", @nobits
    .balign 4096
    .zero \size
    .globl \name\()_stack_top
    .hidden \name\()_stack_top
\name\()_stack_top:
    .endm

    stack kit, 65536
    stack module, 262144
    .section .note.GNU-stack, "", @progbits
