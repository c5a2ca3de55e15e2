//! The crypto unit: Spongent, SpongeWrap and the Sancus key hierarchy.

mod keys;
mod sponge_wrap;
pub mod spongent;

pub use keys::{Key, KeyError, Layout, Security, module_key, vendor_key, verify_tag};
pub(crate) use sponge_wrap::Duplex;
pub use sponge_wrap::{AuthenticationFailed, mac, unwrap, wrap};
