//! Serves sockets to callers who may be slow, silent or many.

pub mod http;
pub mod places;
