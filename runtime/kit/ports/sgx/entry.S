# Entry of an enclave (SDM volume 3D, EENTER): rax CSSA, rcx where EEXIT goes to; rdi, rsi, rdx: reason, shared region,
# size. Returns in rdi. Nothing that the host left in a register reaches the kit, and nothing of the kit's reaches it.
    .text
    .globl authentic_enter
    .type authentic_enter, @function
authentic_enter:
    lea kit_stack_top(%rip), %r9
    lea fault_stack_top(%rip), %r11
    test %rax, %rax
    cmovnz %r11, %r9                    # frame 0 of the SSA holds an entry whose stack must stay as it is
    xchg %rsp, %r9
    push %r9                            # the host's rsp, rbp: the vDSO finds its frame by them
    push %rbp
    push %rcx
    push $2                             # flags: no direction, alignment check or arithmetic of the host's
    popfq
    sub $8, %rsp
    mov %rax, %rcx                      # fourth argument
    mov %rdx, %r8
    mov $7, %eax
    xor %edx, %edx
    xrstor initial(%rip)                # x87, SSE, AVX: control words and contents
    mov %r8, %rdx
    xor %ebp, %ebp
    call port_enter
    mov %rax, %rdi
    mov $7, %eax
    xor %edx, %edx
    xrstor initial(%rip)                # keys pass through vector registers
    add $8, %rsp
    pop %rbx                            # where EEXIT goes to
    pop %rbp
    pop %rsp
    xor %ecx, %ecx
    xor %esi, %esi
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    mov $4, %eax                        # EEXIT
    enclu
    ud2

# Where an interrupted entry goes on that was given up: nowhere.
    .globl given_up
    .hidden given_up
given_up:
    ud2

    .section .rodata
    .balign 64
initial:                                # an XSAVE area (SDM volume 1, 13.4) of which no component is in use
    .zero 24
    .long 0x1f80                        # MXCSR: all exceptions masked
    .zero 548

#include "../x86_64/switch.S"

    stack fault, 65536
    .section .note.GNU-stack, "", @progbits
