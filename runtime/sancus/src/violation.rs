//! Violations of the access rules.

use std::fmt;

/// What code tried to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Read protected text or data.
    Read,
    /// Write protected text or data.
    Write,
    /// Enter a module's text elsewhere than at its entry point, or execute protected data.
    Execute,
    /// Enable a module whose text overlaps another's.
    Enable,
    /// Let the stack pointer fall below the stack guard.
    Stack,
    /// Go on after the module ids were used up (published core only).
    Identifiers,
}

/// A violation, as the emulator saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What was tried.
    pub attempt: Attempt,
    /// The address tried.
    pub address: u16,
    /// The instruction that tried.
    pub pc: u16,
    /// The domain it executed in.
    pub domain: u16,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.attempt {
            Attempt::Read => "read of protected memory",
            Attempt::Write => "write to protected memory",
            Attempt::Execute => "jump into a protected module past its entry point",
            Attempt::Enable => "enabling a module over another one",
            Attempt::Stack => "stack pointer below the stack guard",
            Attempt::Identifiers => "module identifiers used up",
        };
        write!(f, "{what} at {:#06x} by the instruction at {:#06x} of domain {:#06x}", self.address, self.pc, self.domain)
    }
}
