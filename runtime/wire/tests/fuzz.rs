//! Random inputs for the parsers of what comes from outside: none may panic, and all stay within their bounds.

use authentic_testing::fuzz::{INPUTS, Random};
use authentic_wire::control::{self, Call, Request, Response};
use authentic_wire::frame::{FrameBuffer, Header, Kind, MAX_LENGTH, MIN_LENGTH};
use authentic_wire::hello::{self, Hello};
use authentic_wire::id::Id;
use authentic_wire::message::MessageType;
use authentic_wire::record::Output;
use authentic_wire::ring::{Consumer, Layout, Producer, Ring};

fn frame(random: &mut Random) -> Vec<u8> {
    let kinds = [Kind::Event, Kind::Request, Kind::Reply, Kind::Acknowledgement];
    let header = Header { kind: kinds[random.below(4)], connection: random.number() as u32 | 1, epoch: random.number(), counter: random.number() };
    let mut frame = header.encode().to_vec();
    frame.resize(MIN_LENGTH + random.below(40), 0);
    frame
}

#[test]
fn frames() {
    let mut random = Random::new("frames");
    let mut accepted = 0u64;
    for _ in 0..INPUTS {
        let body = frame(&mut random);
        let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
        bytes.extend_from_slice(&body);
        if random.below(4) > 0 {
            random.mutate(&mut bytes);
        }
        if let Ok(header) = Header::decode(&bytes) {
            assert_ne!(header.connection, 0);
        }
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
                        accepted += 1;
                        let length = frame.len();
                        buffer.consume(length);
                    }
                    Ok(None) => break false,
                    Err(_) => break true,
                }
            };
            if refused || count == 0 {
                break;
            }
        }
    }
    assert!(accepted > INPUTS / 8, "the generator makes too few valid frames: {accepted}");
}

#[test]
fn hellos() {
    let mut random = Random::new("hellos");
    let mut accepted = 0u64;
    for _ in 0..INPUTS {
        let id = |random: &mut Random| Id(std::array::from_fn(|_| random.number() as u8));
        let genuine = Hello { deployment: id(&mut random), target: id(&mut random), source: id(&mut random) };
        let mut bytes = genuine.encode();
        if random.below(2) == 0 {
            bytes[random.below(8)] = random.number() as u8;
        }
        if let Ok(hello) = Hello::decode(&bytes) {
            assert_eq!(hello.encode(), bytes);
            accepted += 1;
        }
        let noise: [u8; hello::LENGTH] = std::array::from_fn(|_| random.number() as u8);
        assert!(Hello::decode(&noise).is_err() || noise.starts_with(b"AEXH\x01\0\0\0"));
    }
    assert!(accepted > INPUTS / 4);
}

#[test]
fn control_messages() {
    let mut random = Random::new("control messages");
    let genuine: Vec<Vec<u8>> = [
        Call::Hello { version: 1 },
        Call::Status,
        Call::Message { kind: MessageType::M1, body: control::Bytes(vec![7; 20]) },
        Call::Route { connection: 7, address: "[::1]:7000".parse().expect("an address"), instance: Id([1; 16]) },
        Call::SetTrigger { name: "poll".into(), endpoint: 3, every_ms: 1000 },
        Call::SetPin { endpoint: 4, value: 5 },
        Call::Socket { source: Id([2; 16]) },
    ]
    .into_iter()
    .map(|call| control::encode(&Request { id: 1, call }))
    .collect();
    let mut accepted = 0u64;
    for index in 0..INPUTS {
        let mut bytes = genuine[random.below(genuine.len())].clone();
        if random.below(8) > 0 {
            random.mutate(&mut bytes);
        }
        let length = bytes.len();
        if index % 16 == 0 {
            let _ = control::decode::<Response>(&mut bytes.clone());
        }
        if let Ok(Some(request)) = control::decode::<Request>(&mut bytes) {
            assert!(bytes.len() < length);
            let mut again = control::encode(&request);
            assert_eq!(control::decode::<Request>(&mut again).expect("what was written is read"), Some(request));
            accepted += 1;
        }
    }
    assert!(accepted > INPUTS / 16, "the generator makes too few valid messages: {accepted}");
}

#[test]
fn records_of_the_out_ring() {
    let mut random = Random::new("records");
    let mut body = Vec::new();
    let mut accepted = 0u64;
    for _ in 0..INPUTS {
        let (kind, argument) = (random.below(14) as u16, random.below(4) as u16);
        let sizes = [0, 1, 4, 12, 20, 28, 32];
        body.clear();
        body.resize(sizes[random.below(sizes.len())] + random.below(2), 0);
        body.iter_mut().for_each(|byte| *byte = random.number() as u8 & random.number() as u8 & random.number() as u8);
        if let Some(Output::Connection(connection)) = Output::decode(kind, argument, &body) {
            assert!((1..=5).contains(&connection.direction) && (1..=2).contains(&connection.delivery));
            accepted += 1;
        }
    }
    assert!(accepted > 0);
}

/// A hostile enclave writes anything into its ring and any position; the host's end never leaves the ring.
#[test]
fn the_out_ring_of_a_hostile_enclave() {
    let mut random = Random::new("rings");
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
    let (mut body, mut taken, mut corrupted) = (Vec::new(), 0u64, 0u64);
    for _ in 0..INPUTS {
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
        loop {
            match consumer.next(&mut body) {
                Ok(Some(_)) => {
                    assert!(body.len() <= 4096);
                    taken += 1;
                }
                Ok(None) => break,
                Err(_) => {
                    corrupted += 1;
                    // SAFETY: as above; the ends before are not used any more.
                    unsafe {
                        layout.initialize(memory);
                        memory.add(OUT_TAIL).write_bytes(0, 128);
                        consumer = Consumer::new(&layout, memory, Ring::Out);
                        producer = Producer::new(&layout, memory, Ring::Out);
                    }
                    break;
                }
            }
        }
    }
    assert!(taken > 1000 && corrupted > 1000, "{taken} taken, {corrupted} corrupted");
    drop(region);
}
