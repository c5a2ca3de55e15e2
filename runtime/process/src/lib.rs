//! What the programs of a node do alike as processes.

mod limits;
mod socket_folder;

pub use limits::raise_descriptor_limit;
pub use socket_folder::SocketFolder;
