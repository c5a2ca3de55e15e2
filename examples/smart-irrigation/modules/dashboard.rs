//! Dashboard: collects what controller, valve and pump report and answers the people who ask (irrigation.h says how it is laid out).
#![no_std]
#![forbid(unsafe_code)]
use authentic::{Plain, Refused, State, handler, input, state};

const REPORT: usize = 10;
const ANSWER: usize = REPORT + 14;

#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct View {
    moves: u32,
    reports: u32,
    switches: u32,
    report: [u8; REPORT],
    position: u8,
    pumping: u8,
}

#[state(1, name = "view")]
static SHOWN: State<View> = State::new(View { moves: 0, reports: 0, switches: 0, report: [0; REPORT], position: 0, pumping: 0 });

#[input(REPORT)]
fn report(data: &[u8]) {
    let Ok(report) = data.try_into() else { return };
    SHOWN.with(|view| *view = View { report, reports: view.reports.wrapping_add(1), ..*view });
}

#[input(1)]
fn moved(data: &[u8]) {
    let &[position] = data else { return };
    SHOWN.with(|view| *view = View { position, moves: view.moves.wrapping_add(1), ..*view });
}

#[input(1)]
fn running(data: &[u8]) {
    let &[pumping] = data else { return };
    SHOWN.with(|view| *view = View { pumping, switches: view.switches.wrapping_add(1), ..*view });
}

#[handler(0, reply = ANSWER)]
fn query(_: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    let View { moves, reports, switches, report, position, pumping } = SHOWN.get();
    let mut length = 0;
    for part in [&report[..], &[position], &moves.to_be_bytes(), &reports.to_be_bytes(), &[pumping], &switches.to_be_bytes()] {
        reply.get_mut(length..length + part.len()).ok_or(Refused)?.copy_from_slice(part);
        length += part.len();
    }
    Ok(length)
}
