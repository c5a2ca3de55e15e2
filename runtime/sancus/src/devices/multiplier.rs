//! The hardware multiplier at 0x130–0x13F: 16 × 16 bits, signed or not, with or without accumulation.

/// Registers of the multiplier; the operation is chosen by where the first operand is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Multiplier {
    first: u16,
    second: u16,
    signed: bool,
    accumulate: bool,
    result: u32,
    sum_extension: u16,
}

impl Multiplier {
    pub(super) fn read(&self, address: u16) -> u16 {
        match address {
            0x130..=0x136 => self.first,
            0x138 => self.second,
            0x13a => self.result as u16,
            0x13c => (self.result >> 16) as u16,
            0x13e => self.sum_extension,
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, address: u16, value: u16) {
        match address {
            0x130..=0x136 => {
                self.first = value;
                self.signed = address & 2 != 0;
                self.accumulate = address & 4 != 0;
            }
            0x138 => {
                self.second = value;
                self.multiply();
            }
            0x13a => self.result = self.result & 0xffff_0000 | u32::from(value),
            0x13c => self.result = self.result & 0xffff | u32::from(value) << 16,
            _ => {}
        }
    }

    fn multiply(&mut self) {
        let product =
            if self.signed { (i32::from(self.first as i16) * i32::from(self.second as i16)) as u32 } else { u32::from(self.first) * u32::from(self.second) };
        let (result, carry) = if self.accumulate { self.result.overflowing_add(product) } else { (product, false) };
        self.result = result;
        self.sum_extension = match (self.signed, carry) {
            (true, _) => ((result as i32) >> 31) as u16,
            (false, carry) => u16::from(carry),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(operations: &[(u16, u16, u16)]) -> (u32, u16) {
        let mut m = Multiplier::default();
        for &(address, first, second) in operations {
            m.write(address, first);
            m.write(0x138, second);
        }
        (u32::from(m.read(0x13a)) | u32::from(m.read(0x13c)) << 16, m.read(0x13e))
    }

    #[test]
    fn all_four_operations_give_result_and_extension() {
        assert_eq!(run(&[(0x130, 0xffff, 0xffff)]), (0xfffe_0001, 0));
        assert_eq!(run(&[(0x132, 0xffff, 0x0005)]), (0xffff_fffb, 0xffff));
        assert_eq!(run(&[(0x132, 0x8000, 0x8000)]), (0x4000_0000, 0));
        assert_eq!(run(&[(0x130, 0xffff, 0xffff), (0x134, 0xffff, 0xffff)]), (0xfffc_0002, 1));
        assert_eq!(run(&[(0x130, 3, 4), (0x134, 5, 6)]), (42, 0));
        assert_eq!(run(&[(0x132, 3, 4), (0x136, 0xfff0, 1)]), (0xffff_fffc, 0xffff));
    }
}
