//! Metadata of events, recorded while somebody watches: the last ones, in memory of bounded size.

use authentic_wire::counter::Counter;
use authentic_wire::record::REFUSAL_REASONS;
use authentic_wire::trace::{Fate, Trace, TracedEvent};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant, SystemTime};

/// Events that are remembered.
const REMEMBERED: usize = 8192;
/// Events in one answer: less than a control message may have.
const BATCH: usize = 1024;
/// Frames that went into the module and whose fate is awaited.
const AWAITED: usize = 8192;
/// Recording ends when nobody has asked for so long.
const INTEREST: Duration = Duration::from_secs(10);
/// Bytes of a frame around its content: header and tag.
const AROUND: usize = 22 + 16;

/// What is recorded.
#[derive(Default)]
pub struct Recorder {
    events: VecDeque<TracedEvent>,
    /// Position behind the last event.
    end: u64,
    /// When recording ends; nothing is recorded without.
    until: Option<Instant>,
    /// By connection and counter: bytes, and how many such frames went in.
    awaited: BTreeMap<(u32, u64), (usize, u32)>,
}

impl Recorder {
    /// Events from a position on. Keeps recording for a while.
    pub fn read(&mut self, from: Option<u64>, now: Instant) -> Trace {
        self.is_on(now);
        self.until = Some(now + INTEREST);
        let begin = self.end - self.events.len() as u64;
        // A position beyond the end is of an earlier host process.
        let from = from.map_or(self.end, |from| from.min(self.end));
        let missed = begin.saturating_sub(from);
        let skipped = usize::try_from(from.saturating_sub(begin)).unwrap_or(usize::MAX);
        let events: Vec<_> = self.events.iter().skip(skipped).take(BATCH).cloned().collect();
        Trace { next: from + missed + events.len() as u64, events, missed }
    }

    fn is_on(&mut self, now: Instant) -> bool {
        let Some(until) = self.until else { return false };
        if now < until {
            return true;
        }
        self.until = None;
        self.events = VecDeque::new();
        self.awaited = BTreeMap::new();
        false
    }

    fn push(&mut self, connection: u32, event: Fate, counter: u64, bytes: Option<usize>, reason: Option<&str>) {
        if self.events.len() == REMEMBERED {
            self.events.pop_front();
        }
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
        let bytes = bytes.map(|bytes| bytes.saturating_sub(AROUND) as u32);
        self.events.push_back(TracedEvent { at, connection, event, counter: Counter(counter), bytes, reason: reason.map(Into::into) });
        self.end += 1;
    }

    /// The module emitted a frame.
    pub fn sent(&mut self, connection: u32, counter: u64, bytes: usize, now: Instant) {
        if self.is_on(now) {
            self.push(connection, Fate::Sent, counter, Some(bytes), None);
        }
    }

    /// A frame goes into the module.
    pub fn arrived(&mut self, connection: u32, counter: u64, bytes: usize, now: Instant) {
        if !self.is_on(now) {
            return;
        }
        if self.awaited.len() >= AWAITED {
            self.awaited.pop_first();
        }
        let (known, count) = self.awaited.entry((connection, counter)).or_default();
        (*known, *count) = (bytes, *count + 1);
    }

    /// The module refused a frame.
    pub fn refused(&mut self, connection: u32, counter: u64, reason: u16, now: Instant) {
        if !self.is_on(now) {
            return;
        }
        let known = self.awaited.remove(&(connection, counter));
        if let Some((bytes, count @ 2..)) = known {
            self.awaited.insert((connection, counter), (bytes, count - 1));
        }
        let bytes = known.map(|(bytes, _)| bytes);
        let reason = REFUSAL_REASONS.get(usize::from(reason).wrapping_sub(1)).unwrap_or(&"other");
        self.push(connection, Fate::Refused, counter, bytes, Some(reason));
    }

    /// The module processed what it was given of a connection, up to a counter.
    pub fn delivered(&mut self, connection: u32, counter: u64, now: Instant) {
        if !self.is_on(now) {
            return;
        }
        let through: Vec<_> = self.awaited.range((connection, 0)..=(connection, counter)).map(|(key, (bytes, _))| (key.1, *bytes)).collect();
        for (counter, bytes) in &through {
            self.awaited.remove(&(connection, *counter));
            self.push(connection, Fate::Delivered, *counter, Some(*bytes), None);
        }
        if through.is_empty() {
            self.push(connection, Fate::Delivered, counter, None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(trace: &Trace) -> Vec<(Fate, u64, Option<u32>)> {
        trace.events.iter().map(|event| (event.event, event.counter.0, event.bytes)).collect()
    }

    #[test]
    fn records_only_while_somebody_asks() {
        let start = Instant::now();
        let mut recorder = Recorder::default();
        recorder.sent(1, 1, 50, start);
        let Trace { events, next, missed } = recorder.read(None, start);
        assert_eq!((events.len(), next, missed), (0, 0, 0));
        recorder.sent(1, 2, 50, start);
        let trace = recorder.read(Some(next), start);
        assert_eq!(fates(&trace), [(Fate::Sent, 2, Some(12))]);
        recorder.sent(1, 3, 50, start + INTEREST);
        let trace = recorder.read(Some(trace.next), start + INTEREST);
        assert_eq!((trace.events.len(), trace.missed), (0, 0));
        assert!(recorder.events.is_empty() && recorder.awaited.is_empty());
    }

    #[test]
    fn joins_what_arrived_with_what_became_of_it() {
        let now = Instant::now();
        let mut recorder = Recorder::default();
        recorder.read(None, now);
        for counter in [5, 5, 6, 9] {
            recorder.arrived(1, counter, 38 + counter as usize, now);
        }
        recorder.arrived(2, 5, 38, now);
        recorder.refused(1, 5, 5, now);
        recorder.refused(1, 9, 6, now);
        recorder.delivered(1, 6, now);
        recorder.delivered(3, 1, now);
        let trace = recorder.read(Some(0), now);
        let expected = [
            (Fate::Refused, 5, Some(5)),
            (Fate::Refused, 9, Some(9)),
            (Fate::Delivered, 5, Some(5)),
            (Fate::Delivered, 6, Some(6)),
            (Fate::Delivered, 1, None),
        ];
        assert_eq!(fates(&trace), expected);
        assert_eq!(trace.events[1].reason.as_deref(), Some("gap"));
        assert_eq!(recorder.awaited.len(), 1, "the frame of the other connection");
    }

    #[test]
    fn forgets_the_oldest_and_says_how_many() {
        let now = Instant::now();
        let mut recorder = Recorder::default();
        recorder.read(None, now);
        for counter in 0..REMEMBERED as u64 + 10 {
            recorder.sent(1, counter, 50, now);
            recorder.arrived(1, counter, 50, now);
        }
        assert_eq!((recorder.events.len(), recorder.awaited.len()), (REMEMBERED, AWAITED));
        let trace = recorder.read(Some(0), now);
        assert_eq!((trace.missed, trace.events.len(), trace.next), (10, BATCH, 10 + BATCH as u64));
        assert_eq!(trace.events[0].counter, Counter(10));
        let whole = authentic_wire::control::encode(&trace);
        assert!(whole.len() < authentic_wire::control::MAX_LENGTH);
    }
}
