//! Frames that the module emits, and their way back into it when they have to be sealed again.

use crate::connection::Reseal;
use crate::host::Host;

impl Host {
    /// Begins to give frames `from..=to` of a connection back to the enclave.
    pub fn begin_reseal(&mut self, number: u32, from: u64, to: u64) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let held = connection.queue.bytes();
        let mut reseal = connection.reseal.take().unwrap_or_default();
        reseal.to = to;
        for (counter, frame) in connection.queue.take() {
            if counter > to {
                reseal.after.push_back((counter, frame, true));
            } else if counter >= from {
                reseal.frames.push_back(frame);
            }
        }
        self.kept -= held;
        connection.reseal = Some(reseal);
        self.reseals.push_back(number);
    }

    /// A frame the enclave emitted on an outgoing connection.
    pub fn emitted(&mut self, number: u32, counter: u64, frame: &[u8], keep: bool) {
        let now = self.now;
        let Some(connection) = self.connection(number) else { return };
        connection.next = connection.next.max(counter.saturating_add(1));
        let fresh = match &mut connection.reseal {
            Some(reseal) if counter > reseal.to => {
                reseal.after.push_back((counter, frame.to_vec(), keep));
                connection.sent += 1;
                true
            }
            reseal => {
                let fresh = reseal.is_none();
                connection.sent += u64::from(fresh);
                let held = connection.queue.bytes();
                connection.queue.push(counter, frame, keep, now);
                let holds = connection.queue.bytes();
                self.kept = self.kept + holds - held;
                self.mark_pending(number);
                fresh
            }
        };
        if fresh {
            self.trace.sent(number, counter, frame.len(), now);
        }
    }

    /// Ends a re-seal whose frames were all given back and taken.
    pub fn end_reseal(&mut self, number: u32) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let Some(Reseal { after, .. }) = connection.reseal.take() else { return };
        let held = connection.queue.bytes();
        for (counter, frame, keep) in after {
            connection.queue.push(counter, &frame, keep, now);
        }
        self.kept = self.kept + connection.queue.bytes() - held;
        self.mark_pending(number);
    }
}
