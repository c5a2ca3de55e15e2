//! 16-byte identifiers (`docs/protocol.md` section 1), written as 32 lower-case hexadecimal digits, and places of modules.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A deployment or an instance.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub [u8; 16]);

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an id is 32 lower-case hexadecimal digits")]
pub struct InvalidId;

impl FromStr for Id {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        fn digit(byte: u8) -> Result<u8, InvalidId> {
            match byte {
                b'0'..=b'9' => Ok(byte - b'0'),
                b'a'..=b'f' => Ok(byte - b'a' + 10),
                _ => Err(InvalidId),
            }
        }
        let bytes = text.as_bytes();
        if bytes.len() != 32 {
            return Err(InvalidId);
        }
        let mut id = [0; 16];
        for (value, pair) in id.iter_mut().zip(bytes.chunks_exact(2)) {
            *value = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(id))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A place of a module on a node: an instance, or the one that is to take over from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// The instance.
    pub instance: Id,
    /// Whether this is the successor's.
    pub successor: bool,
}

const SUCCESSOR: &str = ".successor";

impl Slot {
    /// The successor of an instance.
    pub fn successor(instance: Id) -> Self {
        Self { instance, successor: true }
    }
}

impl From<Id> for Slot {
    fn from(instance: Id) -> Self {
        Self { instance, successor: false }
    }
}

impl FromStr for Slot {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.strip_suffix(SUCCESSOR) {
            Some(id) => id.parse().map(Self::successor),
            None => text.parse::<Id>().map(Self::from),
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.instance, if self.successor { SUCCESSOR } else { "" })
    }
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_ids_with_or_without_a_suffix() {
        let id = Id([7; 16]);
        for slot in [Slot::from(id), Slot::successor(id)] {
            assert_eq!(slot.to_string().parse(), Ok(slot));
        }
        assert_ne!(Slot::from(id), Slot::successor(id));
        assert_eq!(format!("{id}.other").parse::<Slot>(), Err(InvalidId));
        assert_eq!(".successor".parse::<Slot>(), Err(InvalidId));
    }

    #[test]
    fn reads_what_it_writes_and_refuses_other_texts() {
        let id = Id(*b"0123456789abcde\xff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "00", &"0".repeat(31), &"0".repeat(33), &"A".repeat(32), &"g".repeat(32), &"é".repeat(16)] {
            assert_eq!(text.parse::<Id>(), Err(InvalidId), "{text}");
        }
    }
}
