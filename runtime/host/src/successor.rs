//! Frames that move to the instance that takes over (`docs/protocol.md` section 9): those kept until they are acknowledged.

use crate::host::{Host, KEPT_HARD};
use authentic_wire::control::Bytes;
use authentic_wire::frame::Header;

/// Bytes of frames in one answer: more than the longest frame, and in base64 less than the longest control message.
const CHUNK: usize = 192 << 10;

impl Host {
    /// Kept frames, without the first `skip`, as many as fit into an answer. Connections are in the order of their numbers.
    pub fn export(&self, skip: u32) -> Vec<Bytes> {
        let mut numbers: Vec<u32> = self.connections.keys().copied().collect();
        numbers.sort_unstable();
        let mut length = 0;
        let frames = numbers.iter().filter_map(|number| self.connections.get(number)).flat_map(|connection| connection.queue.kept());
        frames
            .skip(skip as usize)
            .map(|frame| frame.copied().collect::<Vec<u8>>())
            .take_while(|frame| {
                length += frame.len();
                length <= CHUNK
            })
            .map(Bytes)
            .collect()
    }

    /// Takes frames of the instance before over. They wait until the module says that their connections are active.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn import(&mut self, frames: Vec<Bytes>, first: bool) -> Result<(), String> {
        if first {
            for connection in self.connections.values_mut() {
                self.kept -= connection.queue.bytes();
                connection.queue.take();
            }
        }
        for Bytes(frame) in frames {
            let header = Header::decode(&frame).map_err(|error| format!("this is no frame: {error}"))?;
            if !header.kind.is_forward() {
                return Err("this is no event or request".into());
            }
            let now = self.now;
            let Some(connection) = self.connection(header.connection) else { return Err("there are too many connections".into()) };
            let held = connection.queue.bytes();
            connection.queue.push(header.counter, &frame, true, now);
            self.kept += self.connections.get(&header.connection).map_or(0, |connection| connection.queue.bytes()) - held;
            if self.kept > KEPT_HARD {
                return Err("there are too many frames".into());
            }
        }
        Ok(())
    }
}
