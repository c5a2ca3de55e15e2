//! Frames of one outgoing connection: those not yet sent, and those kept until they are acknowledged.

use authentic_wire::frame::PREFIX;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const FIRST_TIMEOUT: Duration = Duration::from_secs(1);
const LAST_TIMEOUT: Duration = Duration::from_secs(30);
/// Frames of a `latest` connection that may wait; the newest stay.
const LATEST_FRAMES: usize = 256;
const LATEST_BYTES: usize = 1 << 20;

struct Entry {
    counter: u64,
    length: usize,
    keep: bool,
}

/// Frames with their length prefixes in counter order; the first `sent` of them have been sent.
pub struct FrameQueue {
    bytes: VecDeque<u8>,
    entries: VecDeque<Entry>,
    sent: usize,
    sent_bytes: usize,
    timeout: Duration,
    progress: Instant,
    /// Frames sent again.
    pub resent: u64,
    /// Frames that newer ones replaced.
    pub dropped: u64,
}

impl FrameQueue {
    /// An empty queue.
    pub fn new(now: Instant) -> Self {
        Self { bytes: VecDeque::new(), entries: VecDeque::new(), sent: 0, sent_bytes: 0, timeout: FIRST_TIMEOUT, progress: now, resent: 0, dropped: 0 }
    }

    /// Appends a frame (without length prefix), to be kept until acknowledged or sent once.
    pub fn push(&mut self, counter: u64, frame: &[u8], keep: bool, now: Instant) {
        if self.entries.is_empty() {
            self.progress = now;
        }
        if !keep {
            while self.entries.len() >= LATEST_FRAMES || self.bytes.len() + frame.len() > LATEST_BYTES && !self.entries.is_empty() {
                self.pop();
                self.dropped += 1;
            }
        }
        self.bytes.extend((frame.len() as u32).to_be_bytes());
        self.bytes.extend(frame);
        self.entries.push_back(Entry { counter, length: PREFIX + frame.len(), keep });
    }

    fn pop(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes.drain(..entry.length);
            if self.sent > 0 {
                self.sent -= 1;
                self.sent_bytes -= entry.length;
            }
        }
    }

    /// Appends unsent frames to `into` until at least `limit` bytes were appended: at least one frame where there is one and
    /// `limit` is not 0. Returns how many.
    pub fn send(&mut self, into: &mut Vec<u8>, limit: usize) -> usize {
        let mut end = self.sent_bytes;
        let mut count = 0;
        while let Some(entry) = self.entries.get(self.sent + count) {
            if end - self.sent_bytes >= limit {
                break;
            }
            end += entry.length;
            count += 1;
        }
        let (first, second) = self.bytes.as_slices();
        let range = self.sent_bytes..end;
        let within = |slice: &[u8], offset: usize, into: &mut Vec<u8>| {
            let start = range.start.saturating_sub(offset).min(slice.len());
            let stop = range.end.saturating_sub(offset).min(slice.len());
            into.extend_from_slice(&slice[start..stop]);
        };
        within(first, 0, into);
        within(second, first.len(), into);
        self.sent += count;
        self.sent_bytes = end;
        while self.sent > 0 && self.entries.front().is_some_and(|entry| !entry.keep) {
            self.pop();
        }
        count
    }

    /// Whether frames wait to be sent.
    pub fn has_unsent(&self) -> bool {
        self.sent < self.entries.len()
    }

    /// Drops the frames up to `counter`.
    pub fn acknowledge(&mut self, counter: u64, now: Instant) {
        while self.entries.front().is_some_and(|entry| entry.keep && entry.counter <= counter) {
            self.pop();
            self.progress = now;
            self.timeout = FIRST_TIMEOUT;
        }
    }

    /// Everything that is kept is to be sent again, oldest first.
    pub fn rewind(&mut self, now: Instant) {
        self.resent += self.sent as u64;
        self.sent = 0;
        self.sent_bytes = 0;
        self.progress = now;
    }

    /// Rewinds where everything was sent and no acknowledgement came in time. Returns whether it did.
    pub fn retransmit_if_due(&mut self, now: Instant) -> bool {
        if self.entries.is_empty() || self.has_unsent() || now.duration_since(self.progress) < self.timeout {
            return false;
        }
        self.rewind(now);
        self.timeout = (self.timeout * 2).min(LAST_TIMEOUT);
        true
    }

    /// Takes all frames out, in order, without their prefixes.
    pub fn take(&mut self) -> VecDeque<(u64, Vec<u8>)> {
        let mut frames = VecDeque::with_capacity(self.entries.len());
        for entry in self.entries.drain(..) {
            let mut frame: Vec<u8> = self.bytes.drain(..entry.length).collect();
            frame.drain(..PREFIX);
            frames.push_back((entry.counter, frame));
        }
        self.sent = 0;
        self.sent_bytes = 0;
        frames
    }

    /// The bytes of the frames that are kept until they are acknowledged, in order, without their prefixes.
    pub fn kept(&self) -> impl Iterator<Item = impl Iterator<Item = &u8>> {
        let mut at = 0;
        self.entries.iter().filter_map(move |entry| {
            let range = at + PREFIX..at + entry.length;
            at += entry.length;
            entry.keep.then(|| self.bytes.range(range))
        })
    }

    /// Frames held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no frames are held.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Gives memory back after a burst.
    pub fn shrink(&mut self) {
        if self.entries.is_empty() {
            self.bytes = VecDeque::new();
            self.entries = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(bytes: &[u8]) -> Vec<u8> {
        bytes.chunks_exact(PREFIX + 40).map(|frame| frame[PREFIX]).collect()
    }

    fn filled(count: u8, keep: bool) -> (FrameQueue, Instant) {
        let now = Instant::now();
        let mut queue = FrameQueue::new(now);
        for counter in 1..=count {
            queue.push(counter.into(), &[counter; 40], keep, now);
        }
        (queue, now)
    }

    #[test]
    fn keeps_strict_frames_until_they_are_acknowledged() {
        let (mut queue, now) = filled(5, true);
        let mut sent = Vec::new();
        assert_eq!(queue.send(&mut sent, 100), 3);
        assert_eq!(queue.send(&mut sent, 1000), 2);
        assert_eq!(counters(&sent), [1, 2, 3, 4, 5]);
        assert!(!queue.has_unsent());
        queue.acknowledge(3, now);
        queue.rewind(now);
        sent.clear();
        queue.send(&mut sent, 1000);
        assert_eq!(counters(&sent), [4, 5]);
        assert_eq!(queue.resent, 2);
        queue.acknowledge(5, now);
        assert!(queue.is_empty());
    }

    #[test]
    fn moves_a_frame_whatever_the_socket_still_holds() {
        let (mut queue, _) = filled(2, true);
        let mut written_before = vec![0; 1000];
        assert_eq!(queue.send(&mut written_before, 1), 1);
        assert_eq!(counters(&written_before[1000..]), [1]);
    }

    #[test]
    fn an_acknowledgement_after_a_rewind_drops_frames_that_were_not_sent_again() {
        let (mut queue, now) = filled(5, true);
        queue.send(&mut Vec::new(), 1000);
        queue.rewind(now);
        let mut sent = Vec::new();
        queue.send(&mut sent, 1);
        assert_eq!(counters(&sent), [1]);
        queue.acknowledge(3, now);
        sent.clear();
        queue.send(&mut sent, 1000);
        assert_eq!(counters(&sent), [4, 5]);
    }

    #[test]
    fn retransmits_after_one_second_and_then_at_doubled_intervals() {
        let (mut queue, start) = filled(2, true);
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert!(!queue.retransmit_if_due(at(9)), "unsent frames are not due");
        queue.send(&mut Vec::new(), 1000);
        assert!(queue.retransmit_if_due(at(1)));
        queue.send(&mut Vec::new(), 1000);
        assert!(!queue.retransmit_if_due(at(2)));
        assert!(queue.retransmit_if_due(at(3)));
        queue.send(&mut Vec::new(), 1000);
        queue.acknowledge(1, at(4));
        assert!(!queue.retransmit_if_due(at(4)));
        assert!(queue.retransmit_if_due(at(5)), "progress begins again with a second");
    }

    #[test]
    fn latest_frames_are_sent_once_and_only_the_newest_wait() {
        let now = Instant::now();
        let mut queue = FrameQueue::new(now);
        for counter in 0..LATEST_FRAMES as u64 + 10 {
            queue.push(counter, &[0; 40], false, now);
        }
        assert_eq!((queue.len(), queue.dropped), (LATEST_FRAMES, 10));
        queue.send(&mut Vec::new(), usize::MAX);
        assert!(queue.is_empty());
        for counter in 0..40 {
            queue.push(counter, &[0; 65_000], false, now);
        }
        assert!(queue.bytes() <= LATEST_BYTES + 65_004);
    }

    #[test]
    fn shows_what_is_kept() {
        let (mut queue, now) = filled(3, true);
        queue.send(&mut Vec::new(), 50);
        queue.acknowledge(1, now);
        assert_eq!(queue.kept().map(|frame| frame.copied().collect()).collect::<Vec<Vec<u8>>>(), [vec![2; 40], vec![3; 40]]);
        assert_eq!(queue.len(), 2);
        let (latest, _) = filled(2, false);
        assert_eq!(latest.kept().count(), 0);
    }

    #[test]
    fn gives_all_frames_back_in_order() {
        let (mut queue, _) = filled(3, true);
        queue.send(&mut Vec::new(), 50);
        assert_eq!(queue.take().into_iter().collect::<Vec<_>>(), [(1, vec![1; 40]), (2, vec![2; 40]), (3, vec![3; 40])]);
        assert!(queue.is_empty() && !queue.has_unsent());
    }
}
