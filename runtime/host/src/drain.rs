//! What comes out of the enclave.

use crate::host::{Caller, Host, Message};
use authentic_wire::control::{Answer, Bytes, Pin};
use authentic_wire::frame::{Header, PREFIX};
use authentic_wire::message::{MessageType, refusal};
use authentic_wire::record::{self, ConnectionState, Output};
use authentic_wire::ring::Corrupted;
use std::time::SystemTime;

/// Bytes of answers that wait for a peer that does not read them; it asks again.
const MAX_ANSWERS: usize = 1 << 20;
/// Characters of a module's log line.
const MAX_LOG: usize = 1024;
const MAX_PINS: usize = 64;

impl Host {
    /// Handles all records of the out ring.
    ///
    /// # Errors
    /// The enclave broke the ring.
    pub fn drain(&mut self) -> Result<(), Corrupted> {
        let mut body = std::mem::take(&mut self.scratch);
        let result = loop {
            match self.gate.next_output(&mut body) {
                Ok(Some((kind, argument))) => match Output::decode(kind, argument, &body) {
                    Some(output) => self.handle(output),
                    None => self.count_stray("malformedRecords"),
                },
                Ok(None) => break Ok(()),
                Err(corrupted) => break Err(corrupted),
            }
        };
        self.scratch = body;
        result
    }

    fn handle(&mut self, output: Output<'_>) {
        match output {
            Output::Frame { keep, frame } => match Header::decode(frame) {
                Ok(header) if header.kind.is_forward() => self.emitted(header.connection, header.counter, frame, keep),
                Ok(header) => self.return_frame(header.connection, frame),
                Err(_) => self.count_stray("malformedFramesOfModule"),
            },
            Output::Acknowledged { connection, counter } => self.acknowledged(connection, counter),
            Output::Processed { connection, counter, gaps } => {
                self.trace.delivered(connection, counter, self.now);
                if let Some(connection) = self.connections.get_mut(&connection) {
                    connection.processed(counter, gaps);
                }
            }
            Output::Refused { reason, connection, counter } => {
                self.trace.refused(connection, counter, reason, self.now);
                match self.connections.get_mut(&connection) {
                    Some(connection) if connection.is_known() => connection.refuse(reason),
                    _ => self.count_stray("refusedOfUnknownConnections"),
                }
            }
            Output::Message { kind, body } => self.reply(kind, body),
            Output::Reseal { connection, from, to } => self.begin_reseal(connection, from, to),
            Output::Connection(report) => self.report(report),
            Output::Device { endpoint, value } => self.device(endpoint, value),
            Output::Triggered { endpoint, full } => self.triggered(endpoint, full),
            Output::Failed { reason } => {
                let reason = match reason {
                    1 => "the module faulted".into(),
                    2 => "the module exceeded its time limit".into(),
                    3 => "the module found the rings corrupted".into(),
                    4 => "the module has no entropy".into(),
                    other => format!("the module failed for reason {other}"),
                };
                self.fail(reason);
            }
            Output::Log(text) => {
                let text: String = String::from_utf8_lossy(text).chars().take(MAX_LOG).collect();
                tracing::info!(target: "module", ?text, "published");
            }
        }
    }

    /// Sends an acknowledgement or a reply to the sockets its connection's frames came from.
    fn return_frame(&mut self, number: u32, frame: &[u8]) {
        let Some(connection) = self.connections.get(&number) else { return };
        for handle in connection.returns() {
            let Some(source) = self.sources.get_mut(handle.index) else { continue };
            if source.serial != handle.serial || source.socket.backlog() + frame.len() > MAX_ANSWERS {
                continue;
            }
            let out = source.socket.outgoing();
            out.extend_from_slice(&(frame.len() as u32).to_be_bytes());
            out.extend_from_slice(frame);
            debug_assert_eq!(PREFIX, 4);
            if !source.dirty {
                source.dirty = true;
                self.dirty_sources.push(handle.index);
            }
        }
    }

    fn acknowledged(&mut self, number: u32, counter: u64) {
        if let Some(connection) = self.connections.get_mut(&number) {
            let held = connection.queue.bytes();
            connection.queue.acknowledge(counter, self.now);
            self.kept -= held - connection.queue.bytes();
            connection.acknowledged = connection.acknowledged.max(counter);
        }
    }

    /// A reply belongs to the oldest message of its type; older ones of other types were not answered.
    fn reply(&mut self, kind: u16, body: &[u8]) {
        let Some(at) = MessageType::from_number(kind).and_then(|kind| self.asked.iter().position(|asked| asked.kind == kind)) else {
            return self.count_stray("unexpectedReplies");
        };
        for Message { link, id, .. } in self.asked.drain(..at).collect::<Vec<_>>() {
            self.answer(
                link,
                id,
                Answer::Error {
                    code: "AE-HOST-NO-REPLY".into(),
                    message: "the module did not answer this message".into(),
                    next: "start a new session with the module".into(),
                },
            );
        }
        let Some(Message { link, id, kind, .. }) = self.asked.pop_front() else { return };
        let answer = match (refusal(body), body.len().checked_sub(self.gate.report_length())) {
            (Some(code), _) => Answer::Refused { code },
            (None, Some(core)) if kind == MessageType::M1 => match self.gate.evidence(&body[core..]) {
                Ok(evidence) => Answer::Message { body: Bytes(body[..core].to_vec()), evidence: Some(evidence) },
                Err(error) => Answer::Error {
                    code: "AE-HOST-EVIDENCE".into(),
                    message: format!("the TEE produces no evidence: {error}"),
                    next: "see the host's log on the node".into(),
                },
            },
            _ => Answer::Message { body: Bytes(body.to_vec()), evidence: None },
        };
        self.answer(link, id, answer);
    }

    fn report(&mut self, report: record::Connection) {
        let number = report.connection;
        if report.state == ConnectionState::Closed {
            return self.forget(number);
        }
        let was_known = self.connections.get(&number).is_some_and(|connection| connection.is_known());
        let Some(connection) = self.connection(number) else { return };
        connection.report = Some(report);
        connection.next = connection.next.max(report.next);
        self.unknown -= usize::from(!was_known);
        self.mark_pending(number);
    }

    fn device(&mut self, endpoint: u16, value: u32) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
        if let Some(pin) = self.pins.get_mut(&endpoint) {
            if pin.value != value {
                pin.changed_at = now;
            }
            pin.value = value;
            pin.writes += 1;
        } else if self.pins.len() < MAX_PINS {
            self.pins.insert(endpoint, Pin { endpoint, value, writes: 1, changed_at: now });
        }
    }

    fn triggered(&mut self, endpoint: u16, full: bool) {
        let Some(at) = self.called.iter().position(|(called, _)| *called == endpoint) else {
            return self.count_stray("unexpectedTriggers");
        };
        match self.called.remove(at) {
            Some((_, Caller::Trigger(name))) => {
                if let Some(trigger) = self.triggers.get_mut(&name) {
                    trigger.done(full);
                }
            }
            Some((_, Caller::Agent(link, id))) => self.answer(link, id, Answer::Entry { called: !full }),
            None => {}
        }
    }
}
