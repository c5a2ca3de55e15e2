//! Calls of the agent.

use crate::connection::Handle;
use crate::host::{Caller, Host, Message, failed_instance};
use crate::link::LinkError;
use crate::trigger::{MAX_TRIGGERS, Trigger};
use authentic_wire::control::{self, Answer, Call, ConnectionStatus, Request, Route, Status};
use authentic_wire::message::MAX_MESSAGE;
use std::os::fd::OwnedFd;

/// How often a link is read before the module has its turn.
const LINK_ROUNDS: usize = 4;
/// Messages that may wait for the module.
const MAX_MESSAGES: usize = 32;

fn error(code: &str, message: impl Into<String>, next: &str) -> Answer {
    Answer::Error { code: code.into(), message: message.into(), next: next.into() }
}

impl Host {
    /// Reads and handles what an agent sent.
    pub fn serve_link(&mut self, index: usize) {
        if let Err(error) = self.try_serve_link(index) {
            tracing::info!(%error, "the agent's link ended");
            if self.links.contains(index) {
                self.links.remove(index);
            }
        }
    }

    fn try_serve_link(&mut self, index: usize) -> Result<(), LinkError> {
        for _ in 0..LINK_ROUNDS {
            let Some(link) = self.links.get_mut(index) else { return Ok(()) };
            // Calls that came before the end of the stream still count: an event socket may be among them.
            let read = link.read();
            let handle = Handle { index, serial: link.serial };
            while let Some((request, socket)) = match self.links.get_mut(index) {
                Some(link) => link.next()?,
                None => return Ok(()),
            } {
                self.serve(handle, request, socket);
            }
            if !read? {
                return Ok(());
            }
        }
        // The module gets its turn before the rest.
        self.ready_links.push(index);
        Ok(())
    }

    fn serve(&mut self, link: Handle, Request { id, call }: Request, socket: Option<OwnedFd>) {
        let answer = match call {
            Call::Hello { version } if version == control::VERSION => Answer::Hello { version, pid: std::process::id(), instance: self.file.instance },
            Call::Hello { version } => error(
                "AE-HOST-VERSION",
                format!("this module host speaks version {} of the control messages, the agent {version}", control::VERSION),
                "end the instance and start it again with the agent's own module host",
            ),
            Call::Status => Answer::Status(Box::new(self.status())),
            Call::Message { body, .. } if body.0.len() > MAX_MESSAGE => {
                error("AE-HOST-MESSAGE-SIZE", "the message is larger than 256 KiB", "send a smaller message")
            }
            Call::Message { kind, body } => {
                if self.gate.is_dead() {
                    Answer::Refused { code: 10 }
                } else if self.messages.len() + self.asked.len() >= MAX_MESSAGES {
                    error("AE-HOST-BUSY", "too many messages wait for the module", "try again")
                } else {
                    return self.messages.push_back(Message { link, id, kind, body: body.0 });
                }
            }
            Call::Route { connection: 0, .. } => error("AE-HOST-CONNECTION", "connection 0 does not exist", "use the connection's number"),
            Call::Route { connection, address, instance } => {
                if self.set_route(connection, Route { address, instance }) {
                    Answer::Done
                } else {
                    error("AE-HOST-CONNECTIONS", "the instance has too many connections", "close connections it does not need")
                }
            }
            Call::Unroute { connection } => {
                self.remove_route(connection);
                Answer::Done
            }
            Call::SetTrigger { name, endpoint, every_ms } => {
                if self.triggers.len() >= MAX_TRIGGERS && !self.triggers.contains_key(&name) {
                    error("AE-HOST-TRIGGERS", format!("the instance has {MAX_TRIGGERS} triggers"), "remove one")
                } else {
                    let unchanged = self.triggers.get(&name).is_some_and(|trigger| {
                        let status = trigger.status(&name);
                        status.endpoint == endpoint && status.every_ms == every_ms
                    });
                    if !unchanged {
                        self.triggers.insert(name, Trigger::new(endpoint, every_ms, self.now));
                    }
                    Answer::Done
                }
            }
            Call::RemoveTrigger { name } => {
                self.triggers.remove(&name);
                Answer::Done
            }
            Call::Entry { endpoint } => {
                if self.failed.is_some() {
                    failed_instance()
                } else if self.call_entry(endpoint, Caller::Agent(link, id)) {
                    return;
                } else {
                    Answer::Entry { called: false }
                }
            }
            Call::Pins => Answer::Pins { pins: self.pins.values().copied().collect() },
            Call::SetPin { endpoint, value } => {
                if self.gate.set_pin(endpoint, value) {
                    Answer::Done
                } else {
                    error("AE-HOST-PIN", format!("there is no pin {endpoint}"), "use the endpoint of a device that is read")
                }
            }
            Call::Export { skip } => Answer::Frames { frames: self.export(skip) },
            Call::Import { frames, first } => match self.import(frames, first) {
                Ok(()) => Answer::Done,
                Err(problem) => error("AE-HOST-IMPORT", problem, "run `pulumi up` again"),
            },
            Call::Trace { from } => Answer::Trace(Box::new(self.trace.read(from, self.now))),
            Call::Socket { source } => {
                if let Some(socket) = socket {
                    tracing::info!(claims = %source, "event socket from a peer");
                    self.add_source(socket);
                }
                return;
            }
            Call::Stop => {
                self.stopping = true;
                Answer::Done
            }
        };
        self.answer(link, id, answer);
    }

    /// State of the instance.
    pub fn status(&self) -> Status {
        let mut connections: Vec<ConnectionStatus> = self
            .connections
            .iter()
            .filter_map(|(number, connection)| {
                let to_peer = connection.peer.and_then(|index| self.peers.get(index)).is_some_and(|peer| peer.is_open());
                let from_peer = connection.returns().any(|handle| self.sources.get(handle.index).is_some_and(|source| source.serial == handle.serial));
                connection.status(*number, to_peer || from_peer)
            })
            .collect();
        connections.sort_by_key(|connection| connection.connection);
        Status {
            failed: self.failed.clone(),
            connections,
            triggers: self.triggers.iter().map(|(name, trigger)| trigger.status(name)).collect(),
            stray: self.stray.clone(),
            entries: self.gate.entries,
            sockets: self.sources.len() as u32,
        }
    }

    /// Calls the entries of triggers that are due.
    pub fn tick_triggers(&mut self) {
        let mut triggers = std::mem::take(&mut self.triggers);
        for (name, trigger) in &mut triggers {
            if trigger.due() <= self.now && trigger.tick(self.now, self.may_call()) && !self.call_entry(trigger.endpoint, Caller::Trigger(name.clone())) {
                trigger.done(true);
            }
        }
        self.triggers = triggers;
    }
}
