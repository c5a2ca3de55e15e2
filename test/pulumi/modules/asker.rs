//! Asks a ledger, and keeps what it is told; asker.c does the same.
#![no_std]
#![forbid(unsafe_code)]
use authentic::{Plain, Refused, Result, State, handler, input, request, state};

#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct Noted {
    notes: u64,
    last: [u8; 16],
}

#[state(1)]
static NOTED: State<Noted> = State::new(Noted { notes: 0, last: [0; 16] });

#[request(8, reply = 32)]
fn ledger(data: &[u8], reply: &mut [u8]) -> Result<usize>;

/// The result of the request, then the reply.
#[handler(8, reply = 33)]
fn relay(data: &[u8], reply: &mut [u8]) -> core::result::Result<usize, Refused> {
    let (result, text) = reply.split_first_mut().ok_or(Refused)?;
    let (code, received) = match ledger(data, text) {
        Ok(received) => (0, received),
        Err(error) => (error as i32, 0),
    };
    *result = code as u8;
    Ok(1 + received)
}

#[input(16)]
fn note(data: &[u8]) {
    let Ok(last) = data.try_into() else { return };
    NOTED.with(|noted| {
        noted.notes += 1;
        noted.last = last;
    });
}

#[handler(0, reply = size_of::<Noted>())]
fn noted_so_far(_: &[u8], reply: &mut [u8]) -> core::result::Result<usize, Refused> {
    let Noted { notes, last } = NOTED.get();
    reply[..8].copy_from_slice(&notes.to_le_bytes());
    reply[8..24].copy_from_slice(&last);
    Ok(24)
}
