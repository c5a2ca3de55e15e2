//! Ledger: what happened to the shipment that is under way, and whether it is accepted.
//!
//! Readings come on a strict connection: contiguous and in order. The ledger decides on the answer to a question of its own, so
//! whoever withholds a bad reading withholds that answer too, and the gate stays shut.
#![no_std]
#![forbid(unsafe_code)]
use authentic::{Plain, Refused, Result, State, config, event, handler, input, output, state, write_text};

const AT_HOME: u8 = 0;
const UNDER_WAY: u8 = 1;
const ARRIVING: u8 = 2;
const ACCEPTED: u8 = 3;
const REJECTED: u8 = 4;
const PLACES: [&str; 5] = ["at home", "under way", "arriving", "accepted", "rejected"];

#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct Shipment {
    number: u32,
    readings: u32,
    opened: u32,
    place: u8,
    warmest: u8,
    lid: u8,
    /// Number of the last question to the tracker, 1 to 255.
    question: u8,
}

#[state(1)]
static SHIPMENT: State<Shipment> = State::new(Shipment { number: 0, readings: 0, opened: 0, place: AT_HOME, warmest: 0, lid: 0, question: 0 });

#[config]
fn warmest() -> i64;
#[output(1)]
fn ask(data: &[u8]) -> Result;
#[output(1)]
fn open(data: &[u8]) -> Result;

/// Degrees, whether the lid is open, and the number of the question that this answers, or 0.
#[input(3)]
fn reading(data: &[u8]) {
    let &[degrees, lid, answer] = data else { return };
    SHIPMENT.with(|shipment| {
        if shipment.place != UNDER_WAY && shipment.place != ARRIVING {
            return;
        }
        shipment.readings = shipment.readings.saturating_add(1);
        shipment.warmest = shipment.warmest.max(degrees);
        // Of a tracker that lost its state nobody knows what it saw: as good as an open lid.
        let opened = event().reset || (lid == 1 && shipment.lid == 0);
        shipment.opened = shipment.opened.saturating_add(u32::from(opened));
        shipment.lid = lid;
        if shipment.place == ARRIVING && answer == shipment.question {
            let good = i64::from(shipment.warmest) <= warmest() && shipment.opened == 0;
            shipment.place = if good { ACCEPTED } else { REJECTED };
            let _ = open(&[u8::from(good)]);
        }
    });
}

/// Sends the next shipment on its way, and shuts the gate.
#[handler(0, reply = 40)]
fn depart(_: &[u8], reply: &mut [u8]) -> core::result::Result<usize, Refused> {
    let last = SHIPMENT.get();
    if last.place == UNDER_WAY || last.place == ARRIVING {
        return Err(Refused);
    }
    let number = last.number.wrapping_add(1);
    let question = next(last.question);
    open(&[0])?;
    ask(&[question])?;
    SHIPMENT.set(Shipment { number, readings: 0, opened: 0, place: UNDER_WAY, warmest: 0, lid: 0, question });
    Ok(write_text(reply, format_args!("shipment {number} is under way"))?)
}

/// The shipment is at the dock: asks the tracker for a last reading, which decides.
#[handler(0, reply = 40)]
fn arrive(_: &[u8], reply: &mut [u8]) -> core::result::Result<usize, Refused> {
    let shipment = SHIPMENT.get();
    if shipment.place != UNDER_WAY && shipment.place != ARRIVING {
        return Err(Refused);
    }
    let question = next(shipment.question);
    ask(&[question])?;
    SHIPMENT.set(Shipment { place: ARRIVING, question, ..shipment });
    Ok(write_text(reply, format_args!("shipment {} is arriving", shipment.number))?)
}

fn next(question: u8) -> u8 {
    question % u8::MAX + 1
}

/// What the ledger says of the shipment.
#[handler(0, reply = 128)]
fn audit(_: &[u8], reply: &mut [u8]) -> core::result::Result<usize, Refused> {
    let Shipment { number, readings, opened, place, warmest, .. } = SHIPMENT.get();
    let place = PLACES[usize::from(place) % PLACES.len()];
    Ok(write_text(reply, format_args!("shipment {number} {place}: {readings} readings, warmest {warmest} degrees, lid opened {opened} times"))?)
}
