//! Random inputs for the parsers of what comes from outside: none may panic, and all stay within their bounds.

use authentic_testing::fuzz::{Harness, Random, fuzz};
use authentic_testing::memory::Counting;
use authentic_wire::board::{BoardCall, BoardFile, BoardMessage, BoardStatus, Freshness};
use authentic_wire::control::{self, Answer, Bytes, Call, ConnectionStatus, Evidence, Pin, Request, Response, Route, Status, TriggerStatus};
use authentic_wire::counter::Counter;
use authentic_wire::frame::{FrameBuffer, Header, Kind, MAX_LENGTH, MIN_LENGTH};
use authentic_wire::hello::{self, Hello};
use authentic_wire::id::Id;
use authentic_wire::instance::{Declaration, InstanceFile};
use authentic_wire::message::MessageType;
use authentic_wire::record::Output;
use authentic_wire::ring::{Consumer, Layout, Producer, Ring};
use authentic_wire::trustzone::{self, Facts, Fault};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[global_allocator]
static MEMORY: Counting = Counting;

fn frame(random: &mut Random) -> Vec<u8> {
    let kinds = [Kind::Event, Kind::Request, Kind::Reply, Kind::Acknowledgement];
    let header = Header { kind: kinds[random.below(4)], connection: random.number() as u32 | 1, epoch: random.number(), counter: random.number() };
    let mut frame = header.encode().to_vec();
    frame.resize(MIN_LENGTH + random.below(40), 0);
    frame
}

#[test]
fn frames() {
    let outcome = fuzz("frames on event sockets", |random| {
        let body = frame(random);
        let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
        bytes.extend_from_slice(&body);
        if random.below(4) > 0 {
            random.mutate(&mut bytes);
        }
        if let Ok(header) = Header::decode(&bytes) {
            assert_ne!(header.connection, 0);
        }
        let mut accepted = false;
        let mut buffer = FrameBuffer::default();
        let mut rest = &bytes[..];
        loop {
            let (count, _) = buffer
                .fill(|space| {
                    let count = space.len().min(rest.len()).min(1 + random.below(64));
                    space[..count].copy_from_slice(&rest[..count]);
                    rest = &rest[count..];
                    Ok(count)
                })
                .expect("reading from memory");
            let refused = loop {
                match buffer.peek() {
                    Ok(Some((header, frame))) => {
                        assert!((MIN_LENGTH..=MAX_LENGTH).contains(&frame.len()));
                        assert_eq!(header.encode(), frame[..22]);
                        accepted = true;
                        let length = frame.len();
                        buffer.consume(length);
                    }
                    Ok(None) => break false,
                    Err(_) => break true,
                }
            };
            if refused || count == 0 {
                return accepted;
            }
        }
    });
    outcome.reaches(8);
}

#[test]
fn hellos() {
    let outcome = fuzz("hellos", |random| {
        let id = |random: &mut Random| Id(std::array::from_fn(|_| random.number() as u8));
        let genuine = Hello { deployment: id(random), target: id(random), source: id(random) };
        let mut bytes = genuine.encode();
        if random.below(2) == 0 {
            bytes[random.below(8)] = random.number() as u8;
        }
        let noise: [u8; hello::LENGTH] = std::array::from_fn(|_| random.number() as u8);
        assert!(Hello::decode(&noise).is_err() || noise.starts_with(b"AEXH\x01\0\0\0"));
        Hello::decode(&bytes).is_ok_and(|hello| {
            assert_eq!(hello.encode(), bytes);
            true
        })
    });
    outcome.reaches(4);
}

/// What was read is written and read again as the same; a message is taken whole, or nothing of it.
fn again<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(mut bytes: Vec<u8>) -> bool {
    let length = bytes.len();
    match control::decode::<T>(&mut bytes) {
        Ok(Some(message)) => {
            assert!(bytes.len() < length);
            let mut written = control::encode(&message);
            assert_eq!(control::decode::<T>(&mut written).expect("what was written is read"), Some(message));
            true
        }
        Ok(None) => {
            assert_eq!(bytes.len(), length);
            false
        }
        Err(_) => false,
    }
}

fn requests() -> Vec<Vec<u8>> {
    [
        Call::Hello { version: 1 },
        Call::Status,
        Call::Message { kind: MessageType::M1, body: Bytes(vec![7; 20]) },
        Call::Route { connection: 7, address: "[::1]:7000".parse().expect("an address"), instance: Id([1; 16]) },
        Call::Unroute { connection: 7 },
        Call::SetTrigger { name: "poll".into(), endpoint: 3, every_ms: 1000 },
        Call::RemoveTrigger { name: "poll".into() },
        Call::Entry { endpoint: 3 },
        Call::Pins,
        Call::SetPin { endpoint: 4, value: 5 },
        Call::Trace { from: Some(77) },
        Call::Socket { source: Id([2; 16]) },
        Call::Stop,
    ]
    .into_iter()
    .map(|call| control::encode(&Request { id: 1, call }))
    .collect()
}

#[test]
fn calls_of_agents() {
    let samples = requests();
    fuzz("calls of agents", |random| again::<Request>(random.changed(&samples))).reaches(16);
}

#[test]
fn answers_of_module_hosts() {
    let connection = ConnectionStatus {
        connection: 7,
        direction: "sender".into(),
        epoch: Counter(u64::MAX),
        next: Counter(3),
        refused: [("tag".to_owned(), 2)].into(),
        route: Some(Route { address: "127.0.0.1:1".parse().expect("an address"), instance: Id([3; 16]) }),
        ..ConnectionStatus::default()
    };
    let trigger = TriggerStatus { name: "poll".into(), endpoint: 1, every_ms: 10, fired: 2, full: 3 };
    let status = Status { failed: Some("why".into()), connections: vec![connection.clone(), connection], triggers: vec![trigger], ..Status::default() };
    let samples: Vec<Vec<u8>> = [
        Answer::Hello { version: 2, pid: 7, instance: Id([1; 16]) },
        Answer::Status(Box::new(status)),
        Answer::Message { body: Bytes(vec![1; 30]), evidence: Some(Evidence { kind: 1, body: Bytes(vec![2; 30]) }) },
        Answer::Refused { code: 7 },
        Answer::Entry { called: true },
        Answer::Pins { pins: vec![Pin { endpoint: 1, value: 2, writes: 3, changed_at: 4 }] },
        Answer::Trace(Box::default()),
        Answer::Done,
        Answer::Error { code: "AE-HOST-BUSY".into(), message: "busy".into(), next: "wait".into() },
    ]
    .into_iter()
    .map(|answer| control::encode(&Response { id: 1, answer }))
    .collect();
    fuzz("answers of module hosts", |random| again::<Response>(random.changed(&samples))).reaches(16);
}

#[test]
fn messages_of_board_bridges() {
    let calls: Vec<Vec<u8>> = [
        BoardCall::Open { instance: Id([1; 16]), image: Bytes(vec![3; 60]), time_limit_ms: 100 },
        BoardCall::Step { input: Bytes(vec![4; 20]) },
        BoardCall::Drive { endpoint: 1, value: 2 },
        BoardCall::Close,
        BoardCall::Status,
        BoardCall::PowerCycle,
        BoardCall::Stop,
    ]
    .iter()
    .map(control::encode)
    .collect();
    fuzz("calls of a board's bridge", |random| again::<BoardCall>(random.changed(&calls))).reaches(16);
    let status = BoardStatus { kind: "serial".into(), pid: 1, boots: 2, cycles: 3, repeated: 4, spoiled: 5, unexpected: 6, violations: 7, instances: vec![Id([1; 16]); 3] };
    let messages: Vec<Vec<u8>> = [
        BoardMessage::Done,
        BoardMessage::Outputs { output: Bytes(vec![5; 40]), cycles: 9 },
        BoardMessage::Status(status),
        BoardMessage::Error { code: "AE-BOARD-CALL".into(), message: "m".into(), next: "n".into() },
        BoardMessage::Port { endpoint: 1, value: 2 },
        BoardMessage::Interrupt { endpoint: 1 },
        BoardMessage::Lost { reason: "gone".into() },
    ]
    .iter()
    .map(control::encode)
    .collect();
    fuzz("messages of a board's bridge", |random| again::<BoardMessage>(random.changed(&messages))).reaches(16);
}

#[test]
fn files_of_nodes() {
    let instance = InstanceFile {
        instance: Id([7; 16]),
        name: "sensor".into(),
        deployment: Id([1; 16]),
        tee: "native".into(),
        backend: None,
        image_digest: "00".into(),
        entry_time_limit_ms: 100,
        interface: vec![Declaration { name: "moisture".into(), kind: "output".into() }],
        started_at: "2026-01-01T00:00:00Z".into(),
    };
    let samples = [serde_json::to_vec(&instance).expect("written")];
    fuzz("instance.json", |random| serde_json::from_slice::<InstanceFile>(&random.changed(&samples)).is_ok()).reaches(32);
    let samples = [
        BoardFile::Emulated { firmware: Bytes(vec![1; 50]), node_key: Bytes(vec![2; 16]), freshness: Freshness::Nv, clock_hz: 20_000_000 },
        BoardFile::Serial { device: "/dev/ttyUSB0".into(), baud: 115_200 },
    ]
    .map(|file| serde_json::to_vec(&file).expect("written"));
    fuzz("board.json", |random| serde_json::from_slice::<BoardFile>(&random.changed(&samples)).is_ok()).reaches(32);
}

#[test]
fn messages_of_trustzone_boards() {
    const LIMIT: usize = trustzone::HEADER + trustzone::BODY;
    let header = trustzone::Header { operation: 5, slot: 1, sequence: 2, a: 3, b: 4 };
    let samples = [0, 1, 12, trustzone::BODY].map(|length| {
        let mut bytes = Vec::new();
        trustzone::write_message(&mut bytes, &header, &vec![6; length]).expect("written");
        bytes
    });
    fuzz("messages of TrustZone bridges", |random| {
        let bytes = random.changed(&samples);
        let mut rest = &bytes[..];
        let mut accepted = false;
        while let Ok(Some((_, body))) = trustzone::read_message(&mut rest, LIMIT) {
            assert!(body.len() <= trustzone::BODY);
            accepted = true;
        }
        accepted
    })
    .reaches(4);
    let samples = samples.map(|message| message[4..].to_vec());
    fuzz("frames of TrustZone boards", |random| {
        let bytes = random.changed(&samples);
        trustzone::Header::decode(&bytes).is_some_and(|(_, body)| body.len() + trustzone::HEADER <= bytes.len())
    })
    .reaches(4);
    fuzz("facts and faults of TrustZone boards", |random| {
        let bytes = random.changed(&[vec![1; Facts::LENGTH], vec![2; 28]]);
        Facts::decode(&bytes).is_some() || Fault::decode(&bytes).is_some()
    })
    .reaches(4);
}

#[test]
fn records_of_the_out_ring() {
    let mut body = Vec::new();
    let outcome = fuzz("records of the out ring", |random| {
        let (kind, argument) = (random.below(14) as u16, random.below(4) as u16);
        let sizes = [0, 1, 4, 12, 20, 28, 32];
        body.clear();
        body.resize(sizes[random.below(sizes.len())] + random.below(2), 0);
        body.iter_mut().for_each(|byte| *byte = random.number() as u8 & random.number() as u8 & random.number() as u8);
        match Output::decode(kind, argument, &body) {
            Some(Output::Connection(connection)) => {
                assert!((1..=5).contains(&connection.direction) && (1..=2).contains(&connection.delivery));
                true
            }
            other => other.is_some(),
        }
    });
    outcome.reaches(64);
}

/// A hostile enclave writes anything into its ring and any position; the host's end never leaves the ring.
#[test]
fn the_out_ring_of_a_hostile_enclave() {
    let layout = Layout::new(4096, 4096, 4096).expect("a layout");
    let mut region = vec![0u64; layout.size() / 8];
    let memory = region.as_mut_ptr().cast::<u8>();
    const OUT_TAIL: usize = 320;
    let out_data = layout.size() - 4096;
    // SAFETY: the vector has the layout's size, and is only reached through `memory` from here on.
    let (mut consumer, mut producer) = unsafe {
        layout.initialize(memory);
        (Consumer::new(&layout, memory, Ring::Out), Producer::new(&layout, memory, Ring::Out))
    };
    let (mut body, mut corrupted) = (Vec::new(), 0u64);
    let outcome = fuzz("the out ring of a hostile enclave", |random| {
        match random.below(4) {
            0 | 1 => drop(producer.push(random.number() as u16, random.number() as u16, &[&[7; 300][..random.below(300)]])),
            2 => {
                let at = out_data + random.below(4096);
                // SAFETY: within the region.
                unsafe { *memory.add(at) = random.number() as u8 };
            }
            _ => {
                // SAFETY: within the region and aligned.
                let tail = unsafe { &*memory.add(OUT_TAIL).cast::<std::sync::atomic::AtomicU32>() };
                if random.below(64) == 0 {
                    tail.store(random.number() as u32, std::sync::atomic::Ordering::Relaxed);
                }
            }
        }
        let mut taken = false;
        loop {
            match consumer.next(&mut body) {
                Ok(Some(_)) => {
                    assert!(body.len() <= 4096);
                    taken = true;
                }
                Ok(None) => return taken,
                Err(_) => {
                    corrupted += 1;
                    // SAFETY: as above; the ends before are not used any more.
                    unsafe {
                        layout.initialize(memory);
                        memory.add(OUT_TAIL).write_bytes(0, 128);
                        consumer = Consumer::new(&layout, memory, Ring::Out);
                        producer = Producer::new(&layout, memory, Ring::Out);
                    }
                    return taken;
                }
            }
        }
    });
    outcome.reaches(16);
    assert!(corrupted > outcome.inputs / 1000, "{corrupted} corrupted");
    drop(region);
}

/// A harness whose parser takes text has a bound that a long message reaches: half a MiB of it is read into memory.
#[test]
fn the_longest_control_message() {
    let longest = control::encode(&Request { id: 1, call: Call::Message { kind: MessageType::M1, body: Bytes(vec![7; 380_000]) } });
    Harness { name: "the longest control messages", memory: 8 << 20, slow: 100 }.run(|random| {
        let mut bytes = longest.clone();
        bytes[random.below(64)] = random.number() as u8;
        again::<Request>(bytes)
    });
}
