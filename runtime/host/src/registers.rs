//! The registers that a System V callee preserves, as text for `naked_asm!`: what is entered may change all of them.

/// Pushes them.
macro_rules! push_registers {
    () => {
        "push rbx\npush rbp\npush r12\npush r13\npush r14\npush r15"
    };
}

/// Pops what [`push_registers`] has pushed.
macro_rules! pop_registers {
    () => {
        "pop r15\npop r14\npop r13\npop r12\npop rbp\npop rbx"
    };
}

pub(crate) use {pop_registers, push_registers};
