; What the builder fills in after linking; all of it is measured. In assembly, so that no compiler takes it for zero.

; The configuration of docs/protocol.md section 2.
    .section .authentic.config, "a", @progbits
    .balign 2
    .global board_configuration
board_configuration: .skip 256

; For each endpoint that is a device: where its driver starts, 0 for none.
    .section .authentic.drivers, "a", @progbits
    .balign 2
    .global board_drivers
board_drivers: .skip 2 * 16

; Digest of the kit's sources and the compiler.
    .section .authentic.kit, "a", @progbits
    .balign 2
    .global board_kit
board_kit: .skip 32
