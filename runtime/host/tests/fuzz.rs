//! Random inputs for all that reaches a module host: images, what its module leaves in the out ring, what peers and agents
//! send. Nothing makes it panic, and its memory stays within its limits.
#![allow(clippy::unwrap_used)]

#[path = "support/puppet.rs"]
mod puppet;
mod support;

use authentic_host::enclave::{Enclave, Entry, Exit};
use authentic_host::native::elf::Image;
use authentic_host::{Region, serve};
use authentic_testing::fuzz::{Harness, Random, fuzz};
use authentic_testing::image::{Behaviour, image};
use authentic_testing::memory::{Counting, bounded};
use authentic_wire::control::{self, Answer, Bytes, Call, Evidence, Request};
use authentic_wire::frame::{Header, Kind};
use authentic_wire::message::MessageType;
use authentic_wire::record::output;
use authentic_wire::ring::{Consumer, Layout, Producer};
use std::io::Write;
use std::os::unix::net::UnixStream;
use support::{Folder, Link, PEER, description};

#[global_allocator]
static MEMORY: Counting = Counting;

/// Largest image that is loaded, in memory.
const IMAGE: usize = 256 << 20;

fn check(read: &Image, length: usize) {
    let mut end = 0;
    for segment in &read.segments {
        assert!(segment.address.is_multiple_of(4096) && segment.address >= end);
        assert!(!(segment.writable && segment.executable));
        assert!(segment.file.end <= length && segment.file.len() <= segment.size);
        end = segment.address + segment.size;
    }
    assert!(end <= read.span && read.span <= IMAGE);
}

#[test]
fn images() {
    let samples = [image(Behaviour::Idle, 0)];
    fuzz("images of native modules", |random| {
        let file = random.changed(&samples);
        Image::read(&file).is_ok_and(|read| {
            check(&read, file.len());
            true
        })
    })
    .reaches(100);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn enclaves() {
    use authentic_host::sgx::EnclaveImage;
    use authentic_testing::enclave::{self, Action};
    let sample = enclave::image(Action::Return);
    // Changes to the headers and the TCS reach more than those to code and signature.
    let interesting: Vec<usize> = (1808..1808 + 64 + 5 * 56).chain(sample.len() - 4096..sample.len() - 4096 + 72).collect();
    Harness { name: "images of enclaves", memory: IMAGE + (64 << 20), slow: 10 }
        .run(|random| {
            let mut file = sample.clone();
            for _ in 0..random.below(4) {
                file[*random.one_of(&interesting)] = if random.below(2) == 0 { random.number() as u8 } else { [0, 1, 2, 4, 0x10, 0xff][random.below(6)] };
            }
            match random.below(16) {
                0 => random.mutate(&mut file),
                1 => file.truncate(random.below(sample.len())),
                _ => {}
            }
            EnclaveImage::read(&file).is_ok_and(|image| {
                assert!(image.layout.size <= IMAGE as u64 && image.layout.pages.len() <= IMAGE / 4096);
                true
            })
        })
        .reaches(100);
}

/// An enclave that leaves random records, as many as it is told, and says what the host used meanwhile.
struct Hostile {
    events: Consumer,
    control: Consumer,
    out: Producer,
    random: Random,
    left: u64,
}

// SAFETY: the region is only touched by the thread that runs the host.
unsafe impl Send for Hostile {}

impl Hostile {
    fn record(&mut self) -> (u16, u16, Vec<u8>) {
        let random = &mut self.random;
        let connection = |random: &mut Random| (1 + random.below(600) as u32).to_le_bytes();
        let counter = |random: &mut Random| if random.below(4) == 0 { random.number() } else { random.below(5000) as u64 };
        let (kind, argument, mut body) = match random.below(12) {
            0 => (output::MESSAGE, 1 + random.below(9) as u16, vec![3; random.below(200)]),
            1..=3 => {
                let kinds = [Kind::Event, Kind::Request, Kind::Reply, Kind::Acknowledgement];
                let header = Header { kind: kinds[random.below(4)], connection: 1 + random.below(600) as u32, epoch: random.number(), counter: counter(random) };
                (output::FRAME, random.below(2) as u16, [&header.encode()[..], &vec![9; 16 + random.below(2000)]].concat())
            }
            4 => (output::DEVICE, random.number() as u16, random.number().to_le_bytes()[..4].to_vec()),
            5 => (output::ACKNOWLEDGED, 0, [&connection(random)[..], &counter(random).to_le_bytes()].concat()),
            6 => (output::RESEAL, 0, [&connection(random)[..], &counter(random).to_le_bytes(), &counter(random).to_le_bytes()].concat()),
            7 => (output::PROCESSED, 0, [&connection(random)[..], &counter(random).to_le_bytes(), &random.number().to_le_bytes()].concat()),
            8 => {
                (output::REFUSED, random.below(12) as u16, [&connection(random)[..], &random.number().to_le_bytes(), &counter(random).to_le_bytes()].concat())
            }
            9 | 10 => {
                let head = [random.below(9) as u8, 0, 1 + random.below(5) as u8, 1 + random.below(2) as u8, random.number() as u8, random.below(3) as u8, 0, 0];
                let body = [&connection(random)[..], &head, &random.number().to_le_bytes(), &counter(random).to_le_bytes()].concat();
                (output::CONNECTION, 1 + random.below(3) as u16, body)
            }
            _ => (output::TRIGGERED, random.below(4) as u16, vec![random.below(3) as u8]),
        };
        if random.below(8) == 0 {
            random.mutate(&mut body);
        }
        (kind, argument, body)
    }
}

impl Enclave for Hostile {
    fn enter(&mut self, entry: Entry) -> Exit {
        if entry != Entry::Run {
            return Exit::Idle;
        }
        let mut body = Vec::new();
        while let Ok(Some(_)) = self.control.next(&mut body) {}
        while let Ok(Some(_)) = self.events.next(&mut body) {}
        for _ in 0..64.min(self.left) {
            let (kind, argument, body) = self.record();
            if self.out.push(kind, argument, &[&body]) != Ok(true) {
                return Exit::More;
            }
            self.left -= 1;
        }
        if self.left > 0 { Exit::More } else { Exit::Idle }
    }

    fn evidence(&mut self, report: &[u8]) -> Result<Evidence, String> {
        Ok(Evidence { kind: 0, body: Bytes(report.to_vec()) })
    }

    fn destroy(&mut self) {}
}

/// The host keeps at most 64 MiB of frames; rings, queues and tables come on top.
const HOST: usize = 96 << 20;

#[test]
fn a_hostile_module() {
    let folder = Folder::new("hostile-module");
    let path = folder.0.clone();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let inputs = std::env::var("AUTHENTIC_FUZZ_INPUTS").map_or(20_000, |text| text.parse().unwrap());
    let host = std::thread::spawn(move || {
        let region = Region::map(Layout::new(1 << 16, 1 << 16, 1 << 20).unwrap()).unwrap();
        // SAFETY: the region is owned by the host that owns the enclave.
        let (control, events, out) = unsafe { region.enclave_ends() };
        let enclave = Hostile { control, events, out, random: Random::new("records of a hostile module"), left: inputs };
        bounded(HOST, || serve(&path, description(), region, Box::new(enclave), Some(theirs)).unwrap()).1
    });
    let mut link = Link::new(ours);
    // One entry sets it going; the host answers in the middle of it.
    link.stream.write_all(&control::encode(&Request { id: 99, call: Call::Message { kind: MessageType::M1, body: Bytes(vec![0; 168]) } })).unwrap();
    drop(link);
    let mut link = Link::new(connect(&folder));
    let status = link.wait("the records are handled", |status| status.stray.values().sum::<u64>() > 0 && status.connections.len() > 100);
    assert!(status.connections.len() <= 4096 + 600, "{} connections", status.connections.len());
    let start = std::time::Instant::now();
    let mut entries = 0;
    loop {
        let status = link.status();
        if status.failed.is_some() || (status.entries == entries && start.elapsed() > std::time::Duration::from_millis(200)) {
            assert_eq!(status.failed, None);
            break;
        }
        entries = status.entries;
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(entries * 64 >= inputs, "{entries} entries for {inputs} records");
    assert_eq!(link.call(Call::Stop), Answer::Done);
    let peak = host.join().unwrap();
    println!("fuzzed records of a hostile module: {inputs} inputs, all handled, at most {peak} bytes of {HOST}");
}

fn connect(folder: &Folder) -> UnixStream {
    let start = std::time::Instant::now();
    loop {
        match UnixStream::connect(folder.0.join("host.sock")) {
            Ok(stream) => return stream,
            Err(error) => assert!(start.elapsed() < support::PATIENCE, "{error}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn hostile_peers() {
    let (_folder, mut link, thread) = puppet::start("hostile-peers");
    let mut peer = link.pass_socket();
    let mut batch = Vec::new();
    let outcome = Harness { name: "frames of hostile peers", memory: 1 << 20, slow: 1 }.run(|random| {
        let kinds = [Kind::Event, Kind::Request, Kind::Reply, Kind::Acknowledgement];
        let header = Header { kind: kinds[random.below(2)], connection: 1 + random.below(20_000) as u32, epoch: random.number(), counter: random.number() };
        let mut frame = header.encode().to_vec();
        frame.resize(38 + random.below(200), 5);
        let mut bytes = [&(frame.len() as u32).to_be_bytes()[..], &frame].concat();
        // Most stay frames, so that what is behind the first check is reached.
        let spoiled = random.below(400) == 0;
        if spoiled {
            random.mutate(&mut bytes);
        }
        batch.extend_from_slice(&bytes);
        if spoiled || batch.len() > 16_384 {
            // A socket that the host has closed is replaced by another.
            let written = peer.write_all(&batch);
            batch.clear();
            if spoiled || written.is_err() {
                peer = link.pass_socket();
            }
        }
        !spoiled
    });
    outcome.reaches(2);
    let status = link.wait("frames are handled", |status| status.connections.iter().map(|one| one.received.0).sum::<u64>() + status.stray.values().sum::<u64>() > 0);
    assert!(status.connections.len() <= 4096, "{} connections", status.connections.len());
    assert!(status.sockets <= 1024);
    let used = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", used.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    assert_eq!(link.call(Call::Stop), Answer::Done);
    thread.join().unwrap();
}

#[test]
fn hostile_agents() {
    let (folder, mut link, thread) = puppet::start("hostile-agents");
    link.status();
    let mut samples: Vec<Vec<u8>> = [
        Call::Hello { version: 2 },
        Call::Status,
        Call::Message { kind: MessageType::M1, body: Bytes(vec![7; 20]) },
        Call::Route { connection: 7, address: "127.0.0.1:9".parse().unwrap(), instance: PEER },
        Call::Unroute { connection: 7 },
        Call::SetTrigger { name: "poll".into(), endpoint: 3, every_ms: 100_000 },
        Call::RemoveTrigger { name: "poll".into() },
        Call::Entry { endpoint: 3 },
        Call::Pins,
        Call::SetPin { endpoint: 4, value: 5 },
        Call::Trace { from: Some(77) },
        Call::Socket { source: PEER },
    ]
    .into_iter()
    .map(|call| control::encode(&Request { id: 1, call }))
    .collect();
    samples.push(vec![0, 8, 0, 1, b'{']);
    let mut stream = connect(&folder);
    let outcome = Harness { name: "calls of hostile agents", memory: 1 << 20, slow: 4 }.run(|random| {
        let bytes = random.changed(&samples);
        let good = stream.write_all(&bytes).is_ok();
        stream.set_nonblocking(true).unwrap();
        let mut space = [0; 16_384];
        let open = match std::io::Read::read(&mut stream, &mut space) {
            Ok(count) => count > 0,
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        };
        stream.set_nonblocking(false).unwrap();
        if !good || !open {
            stream = connect(&folder);
        }
        good && open
    });
    outcome.reaches(16);
    // The agent that started the host was there first, and is still heard.
    assert!(link.status().triggers.len() <= 256);
    drop(stream);
    assert_eq!(link.call(Call::Stop), Answer::Done);
    thread.join().unwrap();
}
