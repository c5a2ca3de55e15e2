//! Tokens of the event loop: what kind of socket is ready, and which.

use mio::Token;

const KINDS: usize = 4;

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// The listening control socket.
    Listener,
    /// The enclave wakes the host.
    Enclave,
    /// A link to an agent.
    Link(usize),
    /// A socket to a peer.
    Peer(usize),
    /// A socket from a peer.
    Source(usize),
}

/// Token of the listening control socket.
pub const LISTENER: Token = Token(0);

/// Token of the enclave's descriptor.
pub const ENCLAVE: Token = Token(usize::MAX);

/// Token of a link.
pub fn link_token(index: usize) -> Token {
    Token(index * KINDS + 1)
}

/// Token of a socket to a peer.
pub fn peer_token(index: usize) -> Token {
    Token(index * KINDS + 2)
}

/// Token of a socket from a peer.
pub fn source_token(index: usize) -> Token {
    Token(index * KINDS + 3)
}

/// What a token stands for.
pub fn ready(token: Token) -> Ready {
    if token == ENCLAVE {
        return Ready::Enclave;
    }
    let index = token.0 / KINDS;
    match token.0 % KINDS {
        0 => Ready::Listener,
        1 => Ready::Link(index),
        2 => Ready::Peer(index),
        _ => Ready::Source(index),
    }
}
