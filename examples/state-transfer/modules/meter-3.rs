//! Meter, third version: the second one in another language. Its state has the same name, schema and layout.
#![no_std]
#![forbid(unsafe_code)]
use authentic::{Plain, Refused, State, handler, input, state, write_text};

#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct Count {
    readings: u32,
    litres: u32,
    strongest: u32,
}

#[state(2)]
static COUNT: State<Count> = State::new(Count { readings: 0, litres: 0, strongest: 0 });

#[input(1)]
fn flow(data: &[u8]) {
    let &[litres] = data else { return };
    COUNT.with(|count| {
        count.readings = count.readings.wrapping_add(1);
        count.litres = count.litres.wrapping_add(litres.into());
        count.strongest = count.strongest.max(litres.into());
    });
}

#[handler(0, reply = 64)]
fn read(_: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    let Count { readings, litres, strongest } = COUNT.get();
    Ok(write_text(reply, format_args!("{readings} readings, {litres} litres, strongest {strongest}"))?)
}
