//! TrustZone-M boards: the emulated one as a process, the link to it, and the bridge that module hosts connect to.
//! Untrusted: what it carries is sealed, signed or public. Only the emulation of the device holds a secret, its unique key.

pub mod bridge;
pub mod device;
pub mod line;
pub mod link;
pub mod machine;
