//! What runs on the board: modules are loaded, called and unloaded here, one question after the other.

use crate::image::ModuleImage;
use crate::line::Line;
use crate::link::{Answer, Link, LinkError, Question, Status};
use authentic_wire::id::Id;

/// Entries of the kit (`runtime/kit/ports/sancus/step.c`).
const STEP: u16 = 0;
const LEAVE: u16 = 1;
/// Bytes of a `Write` beside its content, escaping included, with room to spare.
const WRITE_CHUNK: usize = 224;

/// Why something cannot be done on the board.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// No answer; the board may have been reset.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Another module is there.
    #[error("its place on the board, or a port of its devices, is taken by another module")]
    Taken,
    /// The board does not enable a module.
    #[error("the board does not enable the module: all of its four protected domains are in use")]
    Full,
    /// The module broke an access rule.
    #[error("the module broke an access rule, or ran off its end")]
    Violation,
    /// The module is not there any more.
    #[error("the module is not enabled any more")]
    Gone,
    /// The module refused the call.
    #[error("the module refused the call")]
    Refused,
}

/// A module on the board.
struct Loaded {
    instance: Id,
    image: ModuleImage,
    time_limit_ms: u32,
    /// Its host is gone, but it could not be unloaded.
    left: bool,
}

/// A board and what runs on it.
pub struct Board {
    link: Link,
    loaded: Vec<Loaded>,
    /// Cycles of the last call of a module, the line included.
    pub last_cycles: u64,
}

fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

impl Board {
    /// Takes a board that is being started.
    ///
    /// # Errors
    /// It does not answer.
    pub fn new(line: Box<dyn Line>) -> Result<Self, LinkError> {
        let mut link = Link::new(line);
        link.listen()?;
        link.ask(Question::Info, &[], 0)?;
        Ok(Self { link, loaded: Vec::new(), last_cycles: 0 })
    }

    /// The link, to look at and for pins.
    pub fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// Instances on the board whose hosts are there.
    pub fn instances(&self) -> impl Iterator<Item = Id> {
        self.loaded.iter().filter(|loaded| !loaded.left).map(|loaded| loaded.instance)
    }

    /// The instance and endpoint of the device at a port.
    pub fn device_at(&self, port: u8) -> Option<(Id, u16)> {
        self.loaded.iter().filter(|loaded| !loaded.left).find_map(|loaded| {
            let part = loaded.image.parts.iter().find(|part| part.port == port)?;
            Some((loaded.instance, part.endpoint.into()))
        })
    }

    /// The port of an instance's device.
    pub fn port_of(&self, instance: Id, endpoint: u16) -> Option<u8> {
        let loaded = self.loaded.iter().find(|loaded| loaded.instance == instance)?;
        loaded.image.parts.iter().find(|part| part.port != 0 && u16::from(part.endpoint) == endpoint).map(|part| part.port)
    }

    /// Whether an image's place is held by a module whose host is gone and that does not leave by itself.
    #[must_use]
    pub fn is_blocked(&self, image: &ModuleImage) -> bool {
        let in_use: usize = self.loaded.iter().map(|loaded| loaded.image.parts.len()).sum();
        let left = self.loaded.iter().any(|loaded| loaded.left);
        left && (in_use + image.parts.len() > 4 || self.loaded.iter().any(|loaded| loaded.left && loaded.image.clashes(image)))
    }

    /// Loads an image and enables its modules.
    ///
    /// # Errors
    /// There is no place for it, or the board fails.
    pub fn open(&mut self, instance: Id, image: ModuleImage, time_limit_ms: u32) -> Result<(), BoardError> {
        if self.loaded.iter().any(|loaded| loaded.image.clashes(&image)) {
            return Err(BoardError::Taken);
        }
        for part in &image.parts {
            let [start, ..] = part.layout;
            for (chunk, bytes) in (0..).zip(part.text.chunks(WRITE_CHUNK)) {
                let address = start.wrapping_add(chunk * WRITE_CHUNK as u16);
                let body = [&address.to_le_bytes()[..], bytes].concat();
                if self.link.ask(Question::Write, &body, 0)?.status != Status::Done {
                    return Err(BoardError::Taken);
                }
            }
            let layout = part.layout;
            let answer = self.link.ask(Question::Enable, &words(&[image.vendor, layout[0], layout[1], layout[2], layout[3]]), 0)?;
            if answer.status != Status::Done {
                return Err(BoardError::Taken);
            }
            if answer.body == [0, 0] {
                return Err(BoardError::Full);
            }
        }
        self.loaded.push(Loaded { instance, image, time_limit_ms, left: false });
        Ok(())
    }

    fn call(&mut self, instance: Id, entry: u16, record: &[u8]) -> Result<Answer, BoardError> {
        let loaded = self.loaded.iter().find(|loaded| loaded.instance == instance && !loaded.left).ok_or(BoardError::Gone)?;
        let (start, limit) = (loaded.image.start(), loaded.time_limit_ms);
        let before = self.link.cycles();
        let answer = self.link.ask(Question::Call, &[&words(&[start, entry])[..], record].concat(), limit)?;
        self.last_cycles = self.link.cycles() - before;
        match answer.status {
            Status::Done => Ok(answer),
            Status::NoModule => Err(BoardError::Gone),
            Status::Violation => Err(BoardError::Violation),
            Status::Refused | Status::Unknown => Err(BoardError::Refused),
        }
    }

    /// Gives an instance one record; returns the records it leaves.
    ///
    /// # Errors
    /// The module failed, or the board does.
    pub fn step(&mut self, instance: Id, record: &[u8]) -> Result<Vec<u8>, BoardError> {
        self.call(instance, STEP, record).map(|answer| answer.body)
    }

    /// Unloads an instance. One that was granted devices stays until the board is reset, as nobody else may have its ports;
    /// unless the deployer has revoked the grants before.
    ///
    /// # Errors
    /// The board fails.
    pub fn close(&mut self, instance: Id) -> Result<(), BoardError> {
        let Some(at) = self.loaded.iter().position(|loaded| loaded.instance == instance) else { return Ok(()) };
        let left = self.leave(instance);
        if matches!(left, Ok(true)) {
            self.loaded.remove(at);
        } else {
            self.loaded[at].left = true;
        }
        left.map(drop)
    }

    /// Has a module erase itself, its drivers first. Whether all of them are gone.
    fn leave(&mut self, instance: Id) -> Result<bool, BoardError> {
        match self.call(instance, LEAVE, &[]) {
            Ok(_) | Err(BoardError::Refused | BoardError::Violation | BoardError::Gone) => {}
            Err(error) => return Err(error),
        }
        let starts: Vec<u16> =
            self.loaded.iter().filter(|loaded| loaded.instance == instance).flat_map(|loaded| loaded.image.parts.iter().map(|part| part.layout[0])).collect();
        for start in starts {
            // Whoever is there refuses the record, which is too short for a module and not from a driver's user.
            let answer = self.link.ask(Question::Call, &words(&[start, STEP]), 0)?;
            if answer.status != Status::NoModule {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Resets the board: everything on it is gone. The instances that were there.
    ///
    /// # Errors
    /// The board does not start again.
    pub fn power_cycle(&mut self) -> Result<Vec<Id>, LinkError> {
        self.link.power_cycle()?;
        self.link.ask(Question::Info, &[], 0)?;
        Ok(self.forget())
    }

    /// Forgets what was on the board, after a reset.
    pub fn forget(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.loaded).into_iter().filter(|loaded| !loaded.left).map(|loaded| loaded.instance).collect()
    }
}
