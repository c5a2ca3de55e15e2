//! What outputs, requests and devices answer: the negative codes of `enum authentic_result`.

/// What an output, a request or a device answers.
pub type Result<T = ()> = core::result::Result<T, Error>;

/// Why something was not done. It left nothing behind, except as noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Error {
    /// More bytes than declared; of a request also: the reply was longer than the buffer, and the request was processed.
    TooLong = -1,
    /// The output emitted its declared burst already while this event is processed.
    Burst = -2,
    /// No active connection begins here: the event went nowhere.
    NotConnected = -3,
    /// A counter reached its end: the connection has to be replaced.
    Exhausted = -4,
    /// An earlier request of this connection is still unanswered.
    Busy = -5,
    /// The handler lost its state: whether the request was processed is unknown.
    PeerReset = -6,
    /// The connection was closed while the request waited: whether it was processed is unknown.
    Closed = -7,
    /// The handler refused.
    Refused = -8,
    /// The deployer has not granted this device to this module.
    NotGranted = -9,
    /// Too many device writes or log lines while one event is processed.
    NoRoom = -10,
    /// Called outside of an input, entry or handler.
    NoEvent = -11,
}

impl Error {
    const ALL: [Self; 11] = [
        Self::TooLong,
        Self::Burst,
        Self::NotConnected,
        Self::Exhausted,
        Self::Busy,
        Self::PeerReset,
        Self::Closed,
        Self::Refused,
        Self::NotGranted,
        Self::NoRoom,
        Self::NoEvent,
    ];
}

impl core::fmt::Display for Error {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, formatter)
    }
}

impl core::error::Error for Error {}

/// The answer to a code of the kit.
pub(crate) fn result(code: i32) -> Result {
    if code == 0 {
        return Ok(());
    }
    Err(Error::ALL.into_iter().find(|error| *error as i32 == code).unwrap_or(Error::NoEvent))
}

/// A handler refuses its request with it; `?` makes it of every error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl<E: core::error::Error> From<E> for Refused {
    fn from(_: E) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_header_is_an_error_of_its_name() {
        let header = include_str!("../../kit/include/authentic.h");
        let mut found = 0;
        for line in header.lines().filter_map(|line| line.trim().strip_prefix("AUTHENTIC_")) {
            let Some((name, rest)) = line.split_once(" = -") else { continue };
            let Ok(code) = rest.split(',').next().unwrap_or_default().parse::<i32>() else { continue };
            let error = result(-code).expect_err("a negative code is an error");
            extern crate std;
            assert_eq!(std::format!("{error:?}").to_uppercase(), name.replace('_', ""));
            assert_eq!(error as i32, -code);
            found += 1;
        }
        assert_eq!(found, Error::ALL.len());
    }
}
