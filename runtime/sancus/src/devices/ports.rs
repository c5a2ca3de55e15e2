//! Digital ports P1 to P6. P1 and P2 can interrupt on edges.

use std::collections::VecDeque;

/// Most changes kept for a board that does not collect them.
const HISTORY: usize = 4096;

/// One 8-bit port.
#[derive(Clone, Copy, Debug, Default)]
pub struct Port {
    output: u8,
    direction: u8,
    flags: u8,
    edge: u8,
    enable: u8,
    select: u8,
    outside: u8,
}

impl Port {
    /// Levels at the pins: what the board drives where the direction bit is set, the outside world elsewhere.
    #[must_use]
    pub fn levels(&self) -> u8 {
        self.output & self.direction | self.outside & !self.direction
    }

    /// The pins the board drives.
    #[must_use]
    pub fn direction(&self) -> u8 {
        self.direction
    }
}

/// The board changed what it drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortChange {
    /// 1 to 6.
    pub port: u8,
    /// The output latch.
    pub output: u8,
    /// The pins driven.
    pub direction: u8,
    /// When, in cycles since power-on.
    pub cycle: u64,
}

/// The six ports.
#[derive(Debug, Default)]
pub struct Ports {
    ports: [Port; 6],
    changes: VecDeque<PortChange>,
}

#[derive(Clone, Copy)]
enum Register {
    Input,
    Output,
    Direction,
    Flags,
    Edge,
    Enable,
    Select,
}

fn decode(address: u16) -> Option<(usize, Register)> {
    use Register::{Direction, Edge, Enable, Flags, Input, Output, Select};
    let interrupting = [Input, Output, Direction, Flags, Edge, Enable, Select];
    let plain = [Input, Output, Direction, Select];
    let (index, registers, offset): (usize, &[Register], u16) = match address {
        0x18..=0x1b => (2, &plain, address - 0x18),
        0x1c..=0x1f => (3, &plain, address - 0x1c),
        0x20..=0x27 => (0, &interrupting, address - 0x20),
        0x28..=0x2f => (1, &interrupting, address - 0x28),
        0x30..=0x33 => (4, &plain, address - 0x30),
        0x34..=0x37 => (5, &plain, address - 0x34),
        _ => return None,
    };
    registers.get(usize::from(offset)).map(|register| (index, *register))
}

impl Ports {
    /// The state of port 1 to 6; `None` for another number.
    #[must_use]
    pub fn port(&self, number: u8) -> Option<&Port> {
        self.ports.get(usize::from(number).wrapping_sub(1))
    }

    /// Takes the changes of outputs since the last call, oldest first; only the latest 4096 are kept.
    pub fn take_changes(&mut self) -> Vec<PortChange> {
        self.changes.drain(..).collect()
    }

    pub(crate) fn drive(&mut self, number: u8, mask: u8, levels: u8) {
        if let Some(port) = self.ports.get_mut(usize::from(number).wrapping_sub(1)) {
            let before = port.levels();
            port.outside = port.outside & !mask | levels & mask;
            flag_edges(port, before);
        }
    }

    pub(super) fn reset(&mut self) {
        for port in &mut self.ports {
            *port = Port { outside: port.outside, ..Port::default() };
        }
    }

    pub(super) fn read(&self, address: u16) -> u8 {
        let Some((index, register)) = decode(address) else { return 0 };
        let port = &self.ports[index];
        match register {
            Register::Input => port.levels(),
            Register::Output => port.output,
            Register::Direction => port.direction,
            Register::Flags => port.flags,
            Register::Edge => port.edge,
            Register::Enable => port.enable,
            Register::Select => port.select,
        }
    }

    pub(super) fn write(&mut self, address: u16, value: u8, now: u64) {
        let Some((index, register)) = decode(address) else { return };
        let port = &mut self.ports[index];
        let before = (port.levels(), port.output, port.direction);
        match register {
            Register::Input => {}
            Register::Output => port.output = value,
            Register::Direction => port.direction = value,
            Register::Flags => port.flags = value,
            Register::Edge => port.edge = value,
            Register::Enable => port.enable = value,
            Register::Select => port.select = value,
        }
        flag_edges(port, before.0);
        if (port.output, port.direction) != (before.1, before.2) {
            if self.changes.len() == HISTORY {
                self.changes.pop_front();
            }
            let change = PortChange { port: index as u8 + 1, output: port.output, direction: port.direction, cycle: now };
            self.changes.push_back(change);
        }
    }

    pub(super) fn interrupt(&self, number: usize) -> bool {
        let port = &self.ports[number - 1];
        port.flags & port.enable != 0
    }
}

/// Sets the flag of each pin that moved in the direction its edge bit selects: 0 rising, 1 falling.
fn flag_edges(port: &mut Port, before: u8) {
    let after = port.levels();
    port.flags |= after & !before & !port.edge | !after & before & port.edge;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_edge_flags_the_selected_direction_only() {
        let mut ports = Ports::default();
        ports.write(0x24, 0x02, 0);
        ports.write(0x25, 0x03, 0);
        ports.drive(1, 0xff, 0x03);
        assert_eq!(ports.read(0x23), 0x01, "bit 0 rose, bit 1 waits for a fall");
        assert!(ports.interrupt(1) && !ports.interrupt(2));
        ports.write(0x23, 0, 0);
        ports.drive(1, 0x02, 0);
        assert_eq!((ports.read(0x20), ports.read(0x23)), (0x01, 0x02));
    }

    #[test]
    fn outputs_win_over_the_outside_and_their_changes_are_kept_in_order() {
        let mut ports = Ports::default();
        ports.drive(6, 0xff, 0xf0);
        ports.write(0x35, 0x0f, 5);
        ports.write(0x36, 0x3f, 9);
        assert_eq!(ports.read(0x34), 0xcf);
        let changes = ports.take_changes();
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[1], PortChange { port: 6, output: 0x0f, direction: 0x3f, cycle: 9 });
        assert!(ports.take_changes().is_empty());
    }

    #[test]
    fn each_port_answers_at_its_own_addresses() {
        let mut ports = Ports::default();
        for (number, output) in [(1u8, 0x21), (2, 0x29), (3, 0x19), (4, 0x1d), (5, 0x31), (6, 0x35)] {
            ports.write(output, number, 0);
            ports.write(output + 1, 0xff, 0);
            assert_eq!(ports.port(number).map(Port::levels), Some(number));
        }
        assert!(ports.port(0).is_none() && ports.port(7).is_none());
    }
}
