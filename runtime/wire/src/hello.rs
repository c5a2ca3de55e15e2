//! The hello that opens an event socket (`docs/protocol.md` section 7).

use crate::id::Id;

/// Bytes of a hello.
pub const LENGTH: usize = 56;

const MAGIC: &[u8; 4] = b"AEXH";
const VERSION: u8 = 1;

/// Who wants to talk to whom. Nothing in it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Deployment of both instances.
    pub deployment: Id,
    /// The receiving instance.
    pub target: Id,
    /// The connecting instance.
    pub source: Id,
}

/// Why a hello was refused.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum HelloError {
    /// It does not begin with "AEXH".
    #[error("not a hello")]
    Magic,
    /// Version of the hello.
    #[error("hello of version {0}, this agent speaks version 1")]
    Version(u8),
    /// A reserved byte is set.
    #[error("a reserved field is not zero")]
    Reserved,
}

impl Hello {
    /// The hello's 56 bytes.
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4] = VERSION;
        bytes[8..24].copy_from_slice(&self.deployment.0);
        bytes[24..40].copy_from_slice(&self.target.0);
        bytes[40..].copy_from_slice(&self.source.0);
        bytes
    }

    /// Reads a hello.
    ///
    /// # Errors
    /// Another magic or version, or a reserved byte that is not zero.
    pub fn decode(bytes: &[u8; LENGTH]) -> Result<Self, HelloError> {
        if &bytes[..4] != MAGIC {
            return Err(HelloError::Magic);
        }
        if bytes[4] != VERSION {
            return Err(HelloError::Version(bytes[4]));
        }
        if bytes[5..8] != [0; 3] {
            return Err(HelloError::Reserved);
        }
        let id = |at: usize| Id(std::array::from_fn(|index| bytes[at + index]));
        Ok(Self { deployment: id(8), target: id(24), source: id(40) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: Hello = Hello { deployment: Id([1; 16]), target: Id([2; 16]), source: Id([3; 16]) };

    #[test]
    fn reads_what_it_writes() {
        assert_eq!(Hello::decode(&HELLO.encode()), Ok(HELLO));
    }

    #[test]
    fn refuses_other_magics_versions_and_reserved_bytes() {
        let changed = |at: usize, value: u8| {
            let mut bytes = HELLO.encode();
            bytes[at] = value;
            Hello::decode(&bytes)
        };
        for at in 0..4 {
            assert_eq!(changed(at, 0), Err(HelloError::Magic));
        }
        assert_eq!(changed(4, 2), Err(HelloError::Version(2)));
        for at in 5..8 {
            assert_eq!(changed(at, 1), Err(HelloError::Reserved));
        }
    }
}
