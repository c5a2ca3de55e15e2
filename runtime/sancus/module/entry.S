; The only way into a protected module and out of it.
;
; Call: r6 entry number, r7 where to go on, r12 to r15 arguments. Back at r7: r12 result, r13 0 (accepted) or 1 (refused),
; r6 0xffff, the caller's SP, everything else 0. Interrupts are off then: the caller switches them on again if it wants
; them. Entry number 0xffff is the return from sancus_call: so a module is called like unprotected code and returns alike.
;
; Enable does not clear memory, so what lies in the data section at first is the attacker's. Nothing there is used before
; `initialized` holds the MAC of a label under the module's own key, which nobody else can make. Without it the section
; is wiped and set up anew. So no state survives that this module did not write since its enable, provided that RAM was
; wiped after a reset before foreign code could run.

#define RETURN 0xffff
#define TAG_WORDS (SANCUS_SECURITY / 16)
#define SM_VERIFY .word 0x1382
#define SM_WRAP .word 0x1384
#define SM_UNWRAP .word 0x1385
#define SM_ID .word 0x1386
#define SM_CALLER .word 0x1387
#define SM_STACK_GUARD .word 0x1388

; An instruction for each of some registers.
.macro each instruction, registers:vararg
    .irp number, \registers
    \instruction r\number
    .endr
.endm

; Written at every entry before anything is verified; never read as state.
    .section .sancus.incoming, "aw", @nobits
    .balign 2
in_entry: .skip 2
in_continuation: .skip 2
in_sp: .skip 2
in_arguments: .skip 8
computed: .skip 2 * TAG_WORDS

; State, once verified.
    .section .sancus.state, "aw", @nobits
    .balign 2
initialized: .skip 2 * TAG_WORDS
    .global continuation, caller_sp, sancus_preset
continuation: .skip 2
caller_sp: .skip 2
waiting: .skip 2
awaited: .skip 2
resume_sp: .skip 2
suspended: .skip 2                ; where the stack of a function that waits ends; 0 for none
sancus_preset: .skip 2

    .section .rodata.sancus_label, "a", @progbits
    .balign 2
label: .ascii "aex/v1/sancus/init"
label_end:

    .section .text.sancus_entry, "ax", @progbits
    .global __sancus_entry
__sancus_entry:
    dint
    mov r6, &in_entry
    mov r7, &in_continuation
    mov sp, &in_sp
    mov r12, &in_arguments
    mov r13, &in_arguments+2
    mov r14, &in_arguments+4
    mov r15, &in_arguments+6
    clr r15
    SM_STACK_GUARD              ; the caller's guard does not hold for this stack

; initialized == MAC(own key, label)?
    mov #label, r10
    mov #label_end, r11
    each clr, 9, 12, 13, 14
    mov #computed, r15
    SM_WRAP
    xor #1, r15
    mov #computed, r10
    mov #initialized, r11
    mov #TAG_WORDS, r12
1:  mov @r10+, r13
    xor @r11+, r13
    bis r13, r15
    dec r12
    jnz 1b
    tst r15
    jz ready

; No: wipe all but what this entry wrote, copy initialized data, and sign.
    mov #__wipe_start, r10
    clr r14                     ; what lay there: nothing, unless somebody put it there
1:  cmp #__wipe_end, r10
    jhs 2f
    bis @r10, r14
    clr 0(r10)
    incd r10
    jmp 1b
2:  mov #__data_load, r10
    mov #__data_start, r11
1:  cmp #__data_end, r11
    jhs 2f
    mov @r10+, r13
    mov r13, 0(r11)
    incd r11
    jmp 1b
2:  mov r14, &sancus_preset
    mov #computed, r10
    mov #initialized, r11
1:  mov @r10+, r13
    mov r13, 0(r11)
    incd r11
    cmp #initialized + 2 * TAG_WORDS, r11
    jlo 1b

ready:
    mov &in_entry, r6
    cmp #RETURN, r6
    jne 1f
    tst &waiting
    jz 1f
    SM_CALLER
    cmp &awaited, r15
    jeq returned
; The caller's continuation must lie outside: a branch into this text would be a jump of its choice.
1:  mov &in_continuation, r7
    cmp #__public_start, r7
    jlo 2f
    cmp #__public_end, r7
    jhs 2f
    clr &__public_start         ; a write to text: the violation ends this call
2:  tst &waiting
    jnz refuse
    cmp #__entry_count, r6
    jhs refuse
    mov &in_continuation, r13
    mov r13, &continuation
    mov &in_sp, r13
    mov r13, &caller_sp
    mov &suspended, sp
    tst sp
    jnz 1f
    mov #__stack_end, sp
1:  mov #__stack_guard, r15
    SM_STACK_GUARD
    mov &in_arguments, r12
    mov &in_arguments+2, r13
    mov &in_arguments+4, r14
    mov &in_arguments+6, r15
    add r6, r6
    mov __entries(r6), r6
    call r6
finish:
    mov &continuation, r7
    mov &caller_sp, r6
    clr r13
    jmp leave

refuse:
    mov &in_sp, r6
    clr r12
    mov #1, r13
leave:
    clr r15
    SM_STACK_GUARD
    mov r6, sp
    mov #RETURN, r6             ; for a caller that is a module
    each clr, 2, 4, 5, 8, 9, 10, 11, 14, 15
    br r7

; Leaves the module with the word in r12, in the middle of a function, which goes on at sancus_resume. Entries in between
; use the stack below it.
    .global sancus_suspend, sancus_resume
sancus_suspend:
    each push, 4, 5, 6, 7, 8, 9, 10
    mov sp, &suspended
    jmp finish
sancus_resume:
    mov &suspended, sp
    clr &suspended
    jmp restore

; The return from sancus_call, by the awaited domain.
returned:
    clr &waiting
    mov &resume_sp, sp
    mov #__stack_guard, r15
    SM_STACK_GUARD
    mov &in_arguments, r12
    tst &in_arguments+2
    jz restore
    mov #0xffff, r12            ; refused
    jmp restore

    .section .text.sancus_call, "ax", @progbits
    .global sancus_call
; r12 domain, r13 target, r14 entry, r15 arguments
sancus_call:
    cmp #__public_start, r13
    jlo 1f
    cmp #__public_end, r13
    jhs 1f
    mov #0xffff, r12
    ret
1:  each push, 4, 5, 6, 7, 8, 9, 10
    mov sp, &resume_sp
    mov r12, &awaited
    mov #1, &waiting
    mov r13, r8
    mov r14, r6
    mov r15, r9
    clr r15
    SM_STACK_GUARD
    mov @r9+, r12
    mov @r9+, r13
    mov @r9+, r14
    mov @r9, r15
    mov #__public_start, r7
    mov &caller_sp, sp
    each clr, 2, 4, 5, 9, 10, 11
    br r8

    .section .text.sancus_entry, "ax", @progbits
restore:
    each pop, 10, 9, 8, 7, 6, 5, 4
    ret

    .section .text.sancus_wrap, "ax", @progbits
    .global sancus_wrap
sancus_wrap:
    each push, 8, 9, 10
    call #load_job
    SM_WRAP
    jmp crypt_done

    .global sancus_unwrap
sancus_unwrap:
    each push, 8, 9, 10
    call #load_job
    SM_UNWRAP
crypt_done:
    mov r15, r12
    each pop, 10, 9, 8
    ret

load_job:
    mov r12, r8
    mov @r8+, r9
    mov @r8+, r10
    mov @r8+, r11
    mov @r8+, r12
    mov @r8+, r13
    mov @r8+, r14
    mov @r8, r15
    ret

    .section .text.sancus_verify, "ax", @progbits
    .global sancus_verify
sancus_verify:
    mov r12, r14
    mov r13, r15
    SM_VERIFY
    mov r15, r12
    ret

    .section .text.sancus_id, "ax", @progbits
    .global sancus_id
sancus_id:
    mov r12, r15
    SM_ID
    mov r15, r12
    ret

    .section .text.sancus_caller, "ax", @progbits
    .global sancus_caller
sancus_caller:
    SM_CALLER
    mov r15, r12
    ret
