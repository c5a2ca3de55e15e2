//! 64-bit counters in JSON: numbers below 2^53, strings above, so that JavaScript reads them exactly.

use serde::{Deserialize, Serialize};

/// A 64-bit counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter(pub u64);

impl Serialize for Counter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 < 1 << 53 { serializer.serialize_u64(self.0) } else { serializer.collect_str(&self.0) }
    }
}

impl<'de> Deserialize<'de> for Counter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(Self(number)),
            Either::Text(text) => text.parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_number_while_javascript_can_hold_it() {
        for (counter, json) in [(0, "0"), ((1 << 53) - 1, "9007199254740991"), (1 << 53, "\"9007199254740992\""), (u64::MAX, "\"18446744073709551615\"")] {
            assert_eq!(serde_json::to_string(&Counter(counter)).expect("serializes"), json);
            assert_eq!(serde_json::from_str::<Counter>(json).expect("parses"), Counter(counter));
        }
        assert!(serde_json::from_str::<Counter>("-1").is_err());
    }
}
