//! The byte formats that the agent, the module host and tests share (`docs/protocol.md` sections 6 to 8),
//! and the control messages between agent and module host.

pub mod board;
pub mod control;
pub mod counter;
pub mod frame;
pub mod hello;
pub mod id;
pub mod instance;
pub mod message;
pub mod record;
pub mod ring;
pub mod trace;
pub mod trustzone;
