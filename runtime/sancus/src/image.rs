//! Program images: ELF for the MSP430 and raw bytes.

use object::elf::{EM_MSP430, FileHeader32, PT_LOAD, SHF_ALLOC, SHT_NOBITS};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, elf};
use thiserror::Error;

/// Where the CPU reads its start address at reset.
pub const RESET_VECTOR: u16 = 0xfffe;

/// An image larger than this is refused unread: it cannot fit a 64 KiB address space, debug information included.
pub const MAXIMUM_FILE: u64 = 16 * 1024 * 1024;

/// The file cannot be loaded.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    /// An ELF file that does not parse.
    #[error("not a valid ELF file: {0}")]
    Elf(String),
    /// An ELF file for another CPU.
    #[error("the ELF file is for machine {0}, not for the MSP430 (machine 105); build it for msp430")]
    Machine(u16),
    /// Code or data beyond 0xFFFF.
    #[error("a section of {length} bytes at {address:#x} does not fit the 64 KiB address space")]
    AddressSpace {
        /// Where it should go.
        address: u64,
        /// Its size in bytes.
        length: u64,
    },
    /// More bytes than there is memory: sections overlap.
    #[error("the sections hold more than 64 KiB together; check the linker script for overlapping sections")]
    TooMuch,
    /// Nothing to load.
    #[error("the image holds no code or data; link a program with an allocated section")]
    Empty,
}

/// Bytes for one place in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first address.
    pub address: u16,
    /// The content; ends at 0xFFFF at the latest.
    pub bytes: Vec<u8>,
}

/// What to put into memory, at most 64 KiB in all, and where to start if the image has no reset vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// In file order.
    pub pieces: Vec<Piece>,
    /// The ELF entry point.
    pub entry: Option<u16>,
}

impl Image {
    /// Reads an ELF file (recognized by its magic number) or takes the bytes as they are for `load_address`.
    ///
    /// # Errors
    /// If the ELF file is damaged, for another CPU, or does not fit; or if the raw bytes do not fit.
    pub fn parse(file: &[u8], load_address: u16) -> Result<Self, ImageError> {
        if file.starts_with(&elf::ELFMAG) { Self::parse_elf(file) } else { Self::raw(file, load_address) }
    }

    /// Raw bytes for an address.
    ///
    /// # Errors
    /// If there are none or they do not fit.
    pub fn raw(bytes: &[u8], address: u16) -> Result<Self, ImageError> {
        let mut image = Self::default();
        image.add(u64::from(address), bytes)?;
        image.checked()
    }

    /// Whether a piece covers the reset vector.
    #[must_use]
    pub fn has_reset_vector(&self) -> bool {
        self.pieces.iter().any(|p| p.address <= RESET_VECTOR && usize::from(RESET_VECTOR - p.address) + 2 <= p.bytes.len())
    }

    /// Allocated sections with content go where their segment's load address puts them. Sections, not segments: a
    /// linker may let the first segment cover the file's headers.
    fn parse_elf(file: &[u8]) -> Result<Self, ImageError> {
        let damaged = |e: object::read::Error| ImageError::Elf(e.to_string());
        let header = FileHeader32::<Endianness>::parse(file).map_err(damaged)?;
        let endian = header.endian().map_err(damaged)?;
        let machine = header.e_machine(endian);
        if machine != EM_MSP430 {
            return Err(ImageError::Machine(machine.0));
        }
        let segments = header.program_headers(endian, file).map_err(damaged)?;
        let sections = header.section_headers(endian, file).map_err(damaged)?;
        let mut image = Self { entry: u16::try_from(header.e_entry(endian)).ok(), ..Self::default() };
        let wanted = |s: &&elf::SectionHeader32<Endianness>| s.sh_flags(endian).contains(SHF_ALLOC) && s.sh_type(endian) != SHT_NOBITS && s.sh_size(endian) > 0;
        let loads = || segments.iter().filter(|p| p.p_type(endian) == PT_LOAD);
        for section in sections.iter().filter(wanted) {
            let offset = section.sh_offset(endian);
            let segment = loads().find(|p| {
                let start = p.p_offset(endian);
                offset >= start && u64::from(offset) < u64::from(start) + u64::from(p.p_filesz(endian))
            });
            let address = segment.map_or(u64::from(section.sh_addr(endian)), |p| u64::from(p.p_paddr(endian)) + u64::from(offset - p.p_offset(endian)));
            image.add(address, section.data(endian, file).map_err(damaged)?)?;
        }
        if sections.is_empty() {
            for segment in loads().filter(|p| p.p_filesz(endian) > 0) {
                let data = segment.data(endian, file).map_err(|()| ImageError::Elf("a segment lies outside the file".into()))?;
                image.add(u64::from(segment.p_paddr(endian)), data)?;
            }
        }
        image.checked()
    }

    fn add(&mut self, address: u64, bytes: &[u8]) -> Result<(), ImageError> {
        let length = bytes.len() as u64;
        let start = u16::try_from(address).ok().filter(|a| u64::from(*a) + length <= 0x1_0000);
        let start = start.ok_or(ImageError::AddressSpace { address, length })?;
        let total: usize = self.pieces.iter().map(|p| p.bytes.len()).sum();
        if total + bytes.len() > 0x1_0000 {
            return Err(ImageError::TooMuch);
        }
        if !bytes.is_empty() {
            self.pieces.push(Piece { address: start, bytes: bytes.to_vec() });
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, ImageError> {
        if self.pieces.is_empty() { Err(ImageError::Empty) } else { Ok(self) }
    }
}
