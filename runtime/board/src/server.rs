//! Serves module hosts on `board.sock`, one call after the other, and tells them what happens on the board.

use crate::board::{Board, BoardError};
use crate::image::ModuleImage;
use crate::link::LinkError;
use authentic_wire::board::{BoardCall, BoardMessage, BoardStatus};
use authentic_wire::control;
use authentic_wire::id::Id;
use mio::net::{UnixListener, UnixStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

const LISTENER: Token = Token(usize::MAX);
const LINE: Token = Token(usize::MAX - 1);
const MAX_CLIENTS: usize = 16;
const MAX_BACKLOG: usize = 1 << 20;
/// Longest time for a question of somebody else, milliseconds of the board.
const RAW_LIMIT_MS: u32 = 1000;
const MAINTENANCE: Duration = Duration::from_secs(5);

struct Client {
    stream: UnixStream,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    instance: Option<Id>,
    serial: u64,
}

/// A bridge with its board and clients.
pub struct Server {
    board: Board,
    clients: Slab<Client>,
    connections: u64,
    stopping: bool,
    violations: u64,
}

impl Server {
    /// A bridge without clients.
    #[must_use]
    pub fn new(board: Board) -> Self {
        Self { board, clients: Slab::new(), connections: 0, stopping: false, violations: 0 }
    }

    /// Serves until it is told to stop, or until the folder is gone.
    ///
    /// # Errors
    /// The kernel refuses to watch sockets.
    pub fn run(&mut self, mut listener: UnixListener, folder: &Path) -> io::Result<()> {
        let mut poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let mut events = Events::with_capacity(64);
        while !self.stopping {
            self.watch_line(&poll)?;
            match poll.poll(&mut events, Some(MAINTENANCE)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(&listener, &poll)?,
                    LINE => self.hear(),
                    Token(index) => self.serve(index),
                }
            }
            if events.is_empty() && !folder.join("board.json").exists() {
                tracing::warn!("the folder of this board is gone");
                return Ok(());
            }
        }
        Ok(())
    }

    /// A port that was lost and opened again is another one, perhaps with the same number.
    fn watch_line(&mut self, poll: &Poll) -> io::Result<()> {
        let Some(descriptor) = self.board.link().line().descriptor() else { return Ok(()) };
        let mut source = SourceFd(&descriptor);
        poll.registry().reregister(&mut source, LINE, Interest::READABLE).or_else(|_| poll.registry().register(&mut source, LINE, Interest::READABLE))
    }

    /// The board says something by itself: that a pin changed, or that it was reset.
    fn hear(&mut self) {
        let link = self.board.link();
        if link.line().waiting() {
            if let Err(error) = link.listen() {
                drop(self.failed(&error.into()));
            }
            self.tell();
        }
    }

    fn accept(&mut self, listener: &UnixListener, poll: &Poll) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    if self.clients.len() >= MAX_CLIENTS && !self.make_room() {
                        tracing::warn!("refusing a connection: {MAX_CLIENTS} instances are on this board");
                        continue;
                    }
                    self.connections += 1;
                    let entry = self.clients.vacant_entry();
                    poll.registry().register(&mut stream, Token(entry.key()), Interest::READABLE | Interest::WRITABLE)?;
                    entry.insert(Client { stream, incoming: Vec::new(), outgoing: Vec::new(), instance: None, serial: self.connections });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Ok(()),
            }
        }
    }

    /// Closes the oldest connection that has no instance. False where all have one.
    fn make_room(&mut self) -> bool {
        let idle = self.clients.iter().filter(|(_, client)| client.instance.is_none()).min_by_key(|(_, client)| client.serial).map(|(index, _)| index);
        idle.is_some_and(|index| {
            self.drop_client(index);
            true
        })
    }

    fn serve(&mut self, index: usize) {
        let open = self.read(index);
        while let Some(client) = self.clients.get_mut(index) {
            match control::decode::<BoardCall>(&mut client.incoming) {
                Ok(Some(call)) => {
                    let answer = self.carry_out(index, call);
                    self.send(index, &answer);
                    self.tell();
                }
                Ok(None) if open => break,
                Ok(None) | Err(_) => return self.drop_client(index),
            }
        }
        self.flush(index);
    }

    /// Reads what there is. False at the end of the stream.
    fn read(&mut self, index: usize) -> bool {
        let Some(client) = self.clients.get_mut(index) else { return false };
        let mut space = [0; 16 * 1024];
        loop {
            match client.stream.read(&mut space) {
                Ok(0) => return false,
                Ok(count) if client.incoming.len() <= 2 * control::MAX_LENGTH => client.incoming.extend_from_slice(&space[..count]),
                Ok(_) => return false,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    fn send(&mut self, index: usize, message: &BoardMessage) {
        if let Some(client) = self.clients.get_mut(index) {
            client.outgoing.extend_from_slice(&control::encode(message));
        }
        self.flush(index);
    }

    fn flush(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else { return };
        while !client.outgoing.is_empty() {
            match client.stream.write(&client.outgoing) {
                Ok(count @ 1..) => drop(client.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && client.outgoing.len() <= MAX_BACKLOG => return,
                _ => return self.drop_client(index),
            }
        }
    }

    fn drop_client(&mut self, index: usize) {
        let Some(client) = self.clients.try_remove(index) else { return };
        if let Some(instance) = client.instance {
            self.unload(instance);
        }
    }

    fn unload(&mut self, instance: Id) {
        tracing::info!(%instance, "unloading");
        match self.board.close(instance) {
            Ok(()) => {}
            Err(error) => drop(self.failed(&error)),
        }
    }

    fn carry_out(&mut self, index: usize, call: BoardCall) -> BoardMessage {
        let instance = self.clients.get(index).and_then(|client| client.instance);
        match (call, instance) {
            (BoardCall::Status, _) => BoardMessage::Status(self.status()),
            (BoardCall::Stop, _) => {
                self.stopping = true;
                BoardMessage::Done
            }
            (BoardCall::PowerCycle, _) => match self.power_cycle("the board's power was cut") {
                Ok(()) => BoardMessage::Done,
                Err(error) => self.failed(&error.into()),
            },
            (BoardCall::Raw { question, body }, _) => match self.board.link().ask_raw(question, &body.0, RAW_LIMIT_MS) {
                Ok(answer) => BoardMessage::Answer { status: answer.status as u16, body: control::Bytes(answer.body) },
                Err(error) => self.failed(&error.into()),
            },
            (BoardCall::Open { instance, image, time_limit_ms }, None) => {
                let Ok(image) = ModuleImage::parse(&image.0) else {
                    return error("AE-HOST-IMAGE", "not an image of a Sancus module", "build the module again with this version of the module kit");
                };
                if self.board.is_blocked(&image)
                    && let Err(error) = self.power_cycle("the board was reset, to remove a module that held devices")
                {
                    return self.failed(&error.into());
                }
                match self.board.open(instance, image, time_limit_ms) {
                    Ok(()) => {
                        tracing::info!(%instance, "loaded");
                        self.clients[index].instance = Some(instance);
                        BoardMessage::Done
                    }
                    Err(error) => self.failed(&error),
                }
            }
            (BoardCall::Step { input }, Some(instance)) => match self.board.step(instance, &input.0) {
                Ok(output) => BoardMessage::Outputs { output: control::Bytes(output), cycles: self.board.last_cycles },
                Err(error) => self.failed(&error),
            },
            (BoardCall::Drive { endpoint, value }, Some(instance)) => {
                let driven = self.board.port_of(instance, endpoint).is_some_and(|port| self.board.link().line().drive(port, value as u8));
                if driven {
                    if let Err(error) = self.board.link().listen() {
                        return self.failed(&error.into());
                    }
                    BoardMessage::Done
                } else {
                    error("AE-BOARD-PIN", "there is no such device of this module, or its pins are real", "use a device that the module was given")
                }
            }
            (BoardCall::Close, Some(instance)) => {
                self.clients[index].instance = None;
                self.unload(instance);
                BoardMessage::Done
            }
            _ => error("AE-BOARD-CALL", "open an instance first, once", "start a new connection to the bridge"),
        }
    }

    fn status(&mut self) -> BoardStatus {
        let instances = self.board.instances().collect();
        let violations = self.violations;
        let link = self.board.link();
        BoardStatus {
            kind: link.line().kind().into(),
            pid: std::process::id(),
            boots: link.boots,
            cycles: link.cycles(),
            repeated: link.repeated,
            spoiled: link.spoiled(),
            unexpected: link.unexpected,
            violations,
            instances,
        }
    }

    fn power_cycle(&mut self, reason: &str) -> Result<(), LinkError> {
        tracing::warn!(reason, "resetting the board");
        let lost = self.board.power_cycle()?;
        self.lost(&lost, reason);
        Ok(())
    }

    /// Tells the hosts of instances that these are gone.
    fn lost(&mut self, instances: &[Id], reason: &str) {
        let hosts: Vec<usize> =
            self.clients.iter().filter(|(_, client)| client.instance.is_some_and(|instance| instances.contains(&instance))).map(|(index, _)| index).collect();
        for index in hosts {
            self.clients[index].instance = None;
            self.send(index, &BoardMessage::Lost { reason: reason.into() });
        }
    }

    /// What becomes of an error: a board that was reset or hangs has lost all that was on it.
    fn failed(&mut self, cause: &BoardError) -> BoardMessage {
        tracing::warn!(%cause, "the board failed");
        match cause {
            BoardError::Link(LinkError::Reset) => {
                let lost = self.board.forget();
                self.lost(&lost, "the board was reset");
            }
            BoardError::Link(LinkError::Overdue) => {
                if let Err(error) = self.power_cycle("a module exceeded its time limit, so the board was reset") {
                    tracing::error!(%error, "the board does not start again");
                }
            }
            BoardError::Link(LinkError::Line(_)) if self.board.link().line().kind() == "emulated" => {
                // It does not come back; the next bridge makes another.
                let lost = self.board.forget();
                self.lost(&lost, "the line to the board is gone");
                self.stopping = true;
            }
            _ => {}
        }
        let (code, next) = match cause {
            BoardError::Taken | BoardError::Full => ("AE-BOARD-PLACE", "place the module on another node, or take another off this board"),
            BoardError::Link(LinkError::Line(_)) => ("AE-BOARD-LINE", "free space on the disk or connect the board's line again, then run `pulumi up --refresh`"),
            BoardError::Link(_) => ("AE-BOARD-SILENT", "check the board and its line, then run `pulumi up`"),
            _ => ("AE-BOARD-MODULE", "see the logs of the board; `pulumi up` starts the module again"),
        };
        error(code, &cause.to_string(), next)
    }

    /// What broke the board's rules since the last look. Where the hardware shows nothing the board's own answers tell.
    fn violations(&mut self) -> Vec<String> {
        let link = self.board.link();
        let told = link.take_violations();
        let seen = link.line().violations();
        if seen.is_empty() { (0..told).map(|_| "the board tells of a violation".to_owned()).collect() } else { seen }
    }

    /// Passes on what happened at the pins, and what was tried on the board.
    fn tell(&mut self) {
        let mut notices = Vec::new();
        for text in self.violations() {
            tracing::warn!(violation = text, "an access rule of the board was broken");
            self.violations += 1;
            notices.extend(self.board.instances().map(|instance| (instance, BoardMessage::Violation { text: text.clone() })));
        }
        for output in self.board.link().line().outputs() {
            if let Some((instance, endpoint)) = self.board.device_at(output.port) {
                notices.push((instance, BoardMessage::Port { endpoint, value: output.levels.into() }));
            }
        }
        let ports = self.board.link().take_attention();
        for port in (1..=2).filter(|port| ports & (1 << (port - 1)) != 0) {
            if let Some((instance, endpoint)) = self.board.device_at(port) {
                notices.push((instance, BoardMessage::Interrupt { endpoint }));
            }
        }
        for (instance, notice) in notices {
            let host = self.clients.iter().find(|(_, client)| client.instance == Some(instance)).map(|(index, _)| index);
            if let Some(index) = host {
                self.send(index, &notice);
            }
        }
    }
}

fn error(code: &str, message: &str, next: &str) -> BoardMessage {
    BoardMessage::Error { code: code.into(), message: message.into(), next: next.into() }
}
