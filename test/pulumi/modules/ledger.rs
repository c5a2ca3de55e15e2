//! Adds amounts up; ledger.c does the same.
#![no_std]
#![forbid(unsafe_code)]
use authentic::{Device, Plain, Refused, Result, State, Written, config, device, entry, event, handler, input, log, output, state};

#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct Sum {
    events: u64,
    amount: i64,
}

#[state(1)]
static SUM: State<Sum> = State::new(Sum { events: 0, amount: 0 });

#[config]
fn limit() -> i64;
#[config(8)]
fn unit() -> &'static str;
#[output(size_of::<Sum>())]
fn total(data: &[u8]) -> Result;
#[device]
static SHOWN: Device<Written>;

impl Sum {
    fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.events.to_le_bytes());
        bytes[8..].copy_from_slice(&self.amount.to_le_bytes());
        bytes
    }
}

fn add(data: &[u8]) -> core::result::Result<Sum, Refused> {
    let amount = i64::from_le_bytes(data.try_into()?);
    if amount > limit() {
        return Err(Refused);
    }
    let sum = SUM.with(|sum| {
        sum.events += 1;
        sum.amount = sum.amount.wrapping_add(amount);
        *sum
    });
    let _ = SHOWN.write(sum.amount as u32);
    Ok(sum)
}

#[handler(8, reply = 32)]
fn add_up(data: &[u8], reply: &mut [u8]) -> core::result::Result<usize, Refused> {
    let sum = add(data)?;
    let length = 16 + unit().len();
    reply[..16].copy_from_slice(&sum.bytes());
    reply[16..length].copy_from_slice(unit().as_bytes());
    Ok(length)
}

#[input(8)]
fn amount(data: &[u8]) {
    if let Ok(sum) = add(data) {
        let _ = total(&sum.bytes());
    }
}

#[entry(1)]
fn clear(data: &[u8]) {
    if !event().authenticated || data.len() != 1 {
        return;
    }
    SUM.set(Sum { events: 0, amount: 0 });
    let _ = log("cleared");
}

#[entry]
fn crash() {
    panic!("as wanted");
}
