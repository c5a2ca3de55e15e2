//! The image of a Sancus module (`provider/tee/sancus/image.ts`): the module and its drivers, with their layouts.

/// A protected module of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The port that a driver owns; 0 for the module itself.
    pub port: u8,
    /// The device of the module that it drives.
    pub endpoint: u8,
    /// Public start and end, secret start and end.
    pub layout: [u16; 4],
    /// Its text.
    pub text: Vec<u8>,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleImage {
    /// The software vendor.
    pub vendor: u16,
    /// The module itself, then its drivers.
    pub parts: Vec<Part>,
}

/// The bytes are not an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an image of a Sancus module")]
pub struct NotAnImage;

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], NotAnImage> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or(NotAnImage)?;
    *bytes = rest;
    Ok(*head)
}

fn word(bytes: &mut &[u8]) -> Result<u16, NotAnImage> {
    take(bytes).map(u16::from_be_bytes)
}

impl ModuleImage {
    /// Reads an image.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(mut bytes: &[u8]) -> Result<Self, NotAnImage> {
        let bytes = &mut bytes;
        let [.., version, count] = take::<6>(bytes).and_then(|head| if head.starts_with(b"AEXM") { Ok(head) } else { Err(NotAnImage) })?;
        if version != 1 || !(1..=4).contains(&count) {
            return Err(NotAnImage);
        }
        let vendor = word(bytes)?;
        let mut parts = Vec::new();
        for index in 0..count {
            let [port, endpoint] = take(bytes)?;
            let layout = [word(bytes)?, word(bytes)?, word(bytes)?, word(bytes)?];
            let length = usize::from(layout[1].checked_sub(layout[0]).ok_or(NotAnImage)?);
            let text = bytes.get(..length).ok_or(NotAnImage)?.to_vec();
            *bytes = &bytes[length..];
            if (port == 0) != (index == 0) || port > 6 {
                return Err(NotAnImage);
            }
            parts.push(Part { port, endpoint, layout, text });
        }
        if bytes.is_empty() { Ok(Self { vendor, parts }) } else { Err(NotAnImage) }
    }

    /// Start of the module's text: where it is called.
    #[must_use]
    pub fn start(&self) -> u16 {
        self.parts[0].layout[0]
    }

    /// Whether two images claim the same program memory or port.
    #[must_use]
    pub fn clashes(&self, other: &Self) -> bool {
        self.parts.iter().any(|a| other.parts.iter().any(|b| a.layout[0] < b.layout[1] && b.layout[0] < a.layout[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_is_refused() {
        let image =
            [b"AEXM\x01\x02\x12\x34".as_slice(), &[0, 0, 0x48, 0, 0x48, 4, 10, 0, 12, 0, 1, 2, 3, 4], &[1, 5, 0xfc, 0, 0xfc, 2, 0, 0x20, 0, 0x28, 9, 9]]
                .concat();
        let parsed = ModuleImage::parse(&image);
        assert!(parsed.is_ok_and(|parsed| parsed.vendor == 0x1234 && parsed.parts[1].endpoint == 5));
        for length in 0..image.len() {
            assert_eq!(ModuleImage::parse(&image[..length]), Err(NotAnImage), "{length}");
        }
    }
}
