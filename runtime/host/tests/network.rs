//! The host's sockets and queues, around an enclave that the tests control.
#![allow(clippy::unwrap_used)]

#[path = "support/puppet.rs"]
mod puppet;
mod support;

use authentic_wire::control::{self, Answer, Bytes, Call};
use authentic_wire::frame::{Header, Kind};
use authentic_wire::hello::{Hello, LENGTH};
use authentic_wire::message::MessageType;
use puppet::start;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;
use support::{INSTANCE, Link, PATIENCE, PEER};

const CONNECTION: u32 = 42;

fn frame(kind: Kind, counter: u64, fill: u8) -> Vec<u8> {
    let mut frame = Header { kind, connection: CONNECTION, epoch: 1, counter }.encode().to_vec();
    frame.resize(22 + 16 + 8, fill);
    frame
}

fn send(stream: &mut TcpStream, frame: &[u8]) {
    stream.write_all(&[&(frame.len() as u32).to_be_bytes()[..], frame].concat()).unwrap();
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).expect("a frame in time");
    let mut frame = vec![0; u32::from_be_bytes(prefix) as usize];
    stream.read_exact(&mut frame).unwrap();
    frame
}

fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

fn command(link: &mut Link, kind: u16, argument: u16, body: &[u8]) {
    let record = [&kind.to_le_bytes()[..], &argument.to_le_bytes(), body].concat();
    let answer = link.call(Call::Message { kind: MessageType::Command, body: Bytes(record) });
    assert_eq!(answer, Answer::Message { body: Bytes(b"result".to_vec()), evidence: None });
}

/// Reports the connection as active: direction 1 sender, 2 receiver.
fn activate(link: &mut Link, direction: u8) {
    let mut body = CONNECTION.to_le_bytes().to_vec();
    body.extend_from_slice(&[3, 0, direction, 1, 8, 0, 0, 0]);
    body.extend_from_slice(&1u64.to_le_bytes());
    body.extend_from_slice(&1u64.to_le_bytes());
    command(link, 8, 1, &body);
}

fn emit(link: &mut Link, counter: u64) {
    command(link, 2, 1, &frame(Kind::Event, counter, counter as u8));
}

fn route(link: &mut Link) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let call = Call::Route { connection: CONNECTION, address: listener.local_addr().unwrap(), instance: PEER };
    assert_eq!(link.call(call), Answer::Done);
    listener
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut hello = [0; LENGTH];
    stream.read_exact(&mut hello).unwrap();
    let hello = Hello::decode(&hello).unwrap();
    assert_eq!((hello.target, hello.source), (PEER, INSTANCE));
    stream
}

fn stop(mut link: Link, thread: JoinHandle<()>) {
    assert_eq!(link.call(Call::Stop), Answer::Done);
    thread.join().unwrap();
}

#[test]
fn events_go_in_and_acknowledgements_come_back() {
    let (_folder, mut link, thread) = start("events");
    activate(&mut link, 2);
    let mut peer = link.pass_socket();
    for counter in 1..=100 {
        send(&mut peer, &frame(Kind::Event, counter, 1));
    }
    for counter in 1..=100 {
        let header = Header::decode(&receive(&mut peer)).unwrap();
        assert_eq!((header.kind, header.connection, header.counter), (Kind::Acknowledgement, CONNECTION, counter));
    }
    let status = link.status();
    let connection = &status.connections[0];
    assert_eq!((connection.received.0, connection.delivered.0, connection.connected), (100, 100, true));
    stop(link, thread);
}

#[test]
fn what_is_not_a_frame_closes_its_socket_and_no_other() {
    let (_folder, mut link, thread) = start("malformed");
    activate(&mut link, 2);
    let mut good = link.pass_socket();
    send(&mut good, &frame(Kind::Event, 1, 1));
    receive(&mut good);
    let mut version = frame(Kind::Event, 1, 1);
    version[0] = 2;
    let mut kind = frame(Kind::Event, 1, 1);
    kind[1] = 9;
    let mut zero = frame(Kind::Event, 1, 1);
    zero[2..6].fill(0);
    for bad in [&version, &kind, &zero, &frame(Kind::Acknowledgement, 1, 1), &vec![1; 29], &vec![1; 65_575]] {
        let mut peer = link.pass_socket();
        // The host may close the socket before it has read all of it.
        let _ = peer.write_all(&(bad.len() as u32).to_be_bytes());
        let _ = peer.write_all(bad);
        assert!(is_closed(&mut peer));
    }
    let mut huge = link.pass_socket();
    huge.write_all(&u32::MAX.to_be_bytes()).unwrap();
    assert!(is_closed(&mut huge));
    send(&mut good, &frame(Kind::Event, 2, 1));
    assert_eq!(Header::decode(&receive(&mut good)).unwrap().counter, 2);
    let status = link.wait("only the good socket stays", |status| status.sockets == 1);
    assert_eq!((status.stray["malformedFrames"], status.stray["wrongDirection"]), (6, 1));
    stop(link, thread);
}

#[test]
fn frames_are_kept_until_acknowledged_and_sent_again_after_a_lost_connection() {
    let (_folder, mut link, thread) = start("kept");
    activate(&mut link, 1);
    emit(&mut link, 1);
    let listener = route(&mut link);
    emit(&mut link, 2);
    emit(&mut link, 3);
    let mut peer = accept(&listener);
    let first: Vec<_> = (0..3).map(|_| receive(&mut peer)).collect();
    assert_eq!(first, [1, 2, 3].map(|counter| frame(Kind::Event, counter, counter as u8)));
    send(&mut peer, &frame(Kind::Acknowledgement, 1, 0));
    link.wait("the acknowledgement is taken", |status| status.connections[0].queued == 2);
    drop(peer);
    let mut peer = accept(&listener);
    assert_eq!([receive(&mut peer), receive(&mut peer)], [first[1].clone(), first[2].clone()]);
    send(&mut peer, &frame(Kind::Acknowledgement, 3, 0));
    let status = link.wait("everything is acknowledged", |status| status.connections[0].queued == 0);
    assert_eq!((status.connections[0].sent.0, status.connections[0].resent.0), (3, 2));
    stop(link, thread);
}

#[test]
fn frames_without_acknowledgement_are_sent_again_on_the_same_socket() {
    let (_folder, mut link, thread) = start("again");
    activate(&mut link, 1);
    let listener = route(&mut link);
    let mut peer = accept(&listener);
    emit(&mut link, 1);
    let first = receive(&mut peer);
    assert_eq!(receive(&mut peer), first);
    assert_eq!(receive(&mut peer), first);
    stop(link, thread);
}

#[test]
fn frames_given_back_keep_their_order_before_newer_ones() {
    let (_folder, mut link, thread) = start("reseal");
    activate(&mut link, 1);
    for counter in 1..=3 {
        emit(&mut link, counter);
    }
    let job = [&CONNECTION.to_le_bytes()[..], &1u64.to_le_bytes(), &3u64.to_le_bytes()].concat();
    let answer = link.call(Call::Message { kind: MessageType::Activate, body: Bytes(job) });
    assert_eq!(answer, Answer::Message { body: Bytes(b"activated".to_vec()), evidence: None });
    emit(&mut link, 4);
    let listener = route(&mut link);
    let mut peer = accept(&listener);
    let headers: Vec<_> = (0..4).map(|_| Header::decode(&receive(&mut peer)).unwrap()).map(|header| (header.counter, header.epoch)).collect();
    assert_eq!(headers, [(1, 2), (2, 2), (3, 2), (4, 1)]);
    stop(link, thread);
}

#[test]
fn a_socket_is_not_read_while_events_wait_and_acknowledgements_pass() {
    let (_folder, mut link, thread) = start("pressure");
    activate(&mut link, 2);
    link.call(Call::Message { kind: MessageType::Prepare, body: Bytes(Vec::new()) });
    let mut peer = link.pass_socket();
    let mut reader = peer.try_clone().unwrap();
    peer.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut large = frame(Kind::Event, 1, 1);
    large.resize(60_000, 1);
    let whole = [&(large.len() as u32).to_be_bytes()[..], &large].concat();
    let (mut written, mut stalled) = (0usize, false);
    while written < 256 << 20 {
        match peer.write(&whole[written % whole.len()..]) {
            Ok(count) => written += count,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
                stalled = true;
                break;
            }
        }
    }
    assert!(stalled, "the host reads without bound");
    assert_eq!(link.call(Call::Entry { endpoint: 0 }), Answer::Entry { called: false });
    assert!(matches!(link.call(Call::Message { kind: MessageType::M1, body: Bytes(vec![1]) }), Answer::Message { evidence: Some(_), .. }));
    link.call(Call::Message { kind: MessageType::Abort, body: Bytes(Vec::new()) });
    peer.set_write_timeout(Some(PATIENCE)).unwrap();
    let rest = written % whole.len();
    if rest > 0 {
        peer.write_all(&whole[rest..]).unwrap();
        written += whole.len() - rest;
    }
    for _ in 0..written / whole.len() {
        receive(&mut reader);
    }
    stop(link, thread);
}

#[test]
fn what_is_not_a_call_ends_its_link_and_no_other() {
    let (folder, mut link, thread) = start("calls");
    link.status();
    let long = (control_limit() + 1).to_be_bytes();
    for bad in [&b"\0\0\0\x02{}"[..], b"\0\0\0\x01x", &long, b"\0\0\0\x2f{\"id\":1,\"call\":{\"type\":\"socket\",\"source\":\"00\"}}"] {
        let mut other = UnixStream::connect(folder.0.join("host.sock")).unwrap();
        other.set_read_timeout(Some(PATIENCE)).unwrap();
        other.write_all(bad).unwrap();
        assert_eq!(other.read(&mut [0; 8]).unwrap(), 0);
        assert!(matches!(link.call(Call::Hello { version: control::VERSION }), Answer::Hello { instance: INSTANCE, .. }));
    }
    // A socket call without a socket.
    let mut other = Link::new(UnixStream::connect(folder.0.join("host.sock")).unwrap());
    other.stream.write_all(&authentic_wire::control::encode(&authentic_wire::control::Request { id: 1, call: Call::Socket { source: PEER } })).unwrap();
    assert_eq!(other.stream.read(&mut [0; 8]).unwrap(), 0);
    assert!(matches!(link.call(Call::Hello { version: control::VERSION + 1 }), Answer::Error { code, .. } if code == "AE-HOST-VERSION"));
    stop(link, thread);
}

fn control_limit() -> u32 {
    authentic_wire::control::MAX_LENGTH as u32
}

#[test]
fn a_hostile_enclave_fails_its_instance_and_not_the_host() {
    let (_folder, mut link, thread) = start("hostile");
    for (kind, argument, body) in [(99, 0, &b"?"[..]), (4, 0, b"short"), (8, 7, b""), (2, 5, b"")] {
        command(&mut link, kind, argument, body);
    }
    command(&mut link, 2, 0, b"no frame");
    let status = link.status();
    assert_eq!((status.stray["malformedRecords"], status.stray["malformedFramesOfModule"]), (4, 1));
    assert_eq!(status.failed, None);
    // It breaks the ring: the message is refused as from a failed instance.
    assert_eq!(link.call(Call::Message { kind: MessageType::Release, body: Bytes(Vec::new()) }), Answer::Refused { code: 10 });
    assert!(link.status().failed.unwrap().contains("ring"));
    assert_eq!(link.call(Call::Message { kind: MessageType::M1, body: Bytes(Vec::new()) }), Answer::Refused { code: 10 });
    stop(link, thread);
}

#[test]
fn triggers_call_entries_and_devices_are_shown() {
    let (_folder, mut link, thread) = start("triggers");
    assert_eq!(link.call(Call::Entry { endpoint: 3 }), Answer::Entry { called: true });
    link.call(Call::SetTrigger { name: "poll".into(), endpoint: 3, every_ms: 5 });
    link.wait("the trigger fires", |status| status.triggers[0].fired >= 3);
    link.call(Call::RemoveTrigger { name: "poll".into() });
    assert!(link.status().triggers.is_empty());
    for value in [1u32, 1, 0] {
        command(&mut link, 3, 6, &value.to_le_bytes());
    }
    let Answer::Pins { pins } = link.call(Call::Pins) else { panic!("no pins") };
    assert_eq!((pins[0].endpoint, pins[0].value, pins[0].writes), (6, 0, 3));
    assert_eq!(link.call(Call::SetPin { endpoint: 63, value: 1 }), Answer::Done);
    assert!(matches!(link.call(Call::SetPin { endpoint: 64, value: 1 }), Answer::Error { code, .. } if code == "AE-HOST-PIN"));
    stop(link, thread);
}

#[test]
fn numbers_in_frames_of_strangers_do_not_pile_up() {
    let (_folder, mut link, thread) = start("strangers");
    activate(&mut link, 2);
    let mut peer = link.pass_socket();
    for connection in 1000..4000u32 {
        let mut stray = frame(Kind::Event, 1, 1);
        stray[2..6].copy_from_slice(&connection.to_be_bytes());
        send(&mut peer, &stray);
        receive(&mut peer);
    }
    send(&mut peer, &frame(Kind::Event, 1, 1));
    assert_eq!(Header::decode(&receive(&mut peer)).unwrap().connection, CONNECTION);
    assert_eq!(link.status().connections.len(), 1);
    stop(link, thread);
}

#[test]
fn a_host_whose_folder_is_gone_ends() {
    let (folder, mut link, thread) = start("gone");
    link.status();
    drop(folder);
    thread.join().unwrap();
    drop(link);
}
