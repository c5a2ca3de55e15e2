//! Reads the image of a module: a self-relocating static ELF file, checked before anything is mapped.

const PAGE: u64 = 4096;
const MAX_FILE: usize = 64 << 20;
const MAX_SPAN: u64 = 256 << 20;
const MAX_HEADERS: u16 = 32;
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;

const LOAD: u32 = 1;
const INTERPRETER: u32 = 3;
const THREAD_LOCAL: u32 = 7;
const GNU_STACK: u32 = 0x6474_e551;
const EXECUTABLE: u32 = 1;
const WRITABLE: u32 = 2;
const READABLE: u32 = 4;

/// What makes a file no image of a module.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the image cannot be loaded: {0}")]
pub struct ImageError(String);

/// A part of the image in memory. Addresses are relative to the image's base.
#[derive(Debug, PartialEq, Eq)]
pub struct Segment {
    /// First byte, page-aligned.
    pub address: usize,
    /// Bytes in memory.
    pub size: usize,
    /// Where its bytes are in the file; the rest is zero.
    pub file: std::ops::Range<usize>,
    /// The image may write to it.
    pub writable: bool,
    /// The image may execute it.
    pub executable: bool,
}

/// A checked image.
#[derive(Debug, PartialEq, Eq)]
pub struct Image {
    /// Sorted by address, without common pages.
    pub segments: Vec<Segment>,
    /// Address of `authentic_enter`.
    pub entry: usize,
    /// Bytes from the base to the end of the last page.
    pub span: usize,
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}
fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}

fn refuse<T>(what: impl Into<String>) -> Result<T, ImageError> {
    Err(ImageError(what.into()))
}

impl Image {
    /// Checks `file` and reads its segments.
    ///
    /// # Errors
    /// What makes the file no image of a module.
    pub fn read(file: &[u8]) -> Result<Self, ImageError> {
        if file.len() > MAX_FILE {
            return refuse(format!("it has {} bytes, more than 64 MiB", file.len()));
        }
        if file.len() < HEADER || &file[..4] != b"\x7fELF" {
            return refuse("it is not an ELF file");
        }
        if file[4..7] != [2, 1, 1] {
            return refuse("it is not a 64-bit little-endian ELF file");
        }
        if short(file, 16) != 3 || short(file, 18) != 62 {
            return refuse("it is not a position-independent x86-64 executable");
        }
        let (entry, table, header_size, count) = (long(file, 24), long(file, 32), short(file, 54), short(file, 56));
        if usize::from(header_size) != PROGRAM_HEADER || !(1..=MAX_HEADERS).contains(&count) {
            return refuse(format!("it has {count} program headers of {header_size} bytes"));
        }
        let end = table.checked_add(u64::from(count) * PROGRAM_HEADER as u64);
        if end.is_none_or(|end| end > file.len() as u64) {
            return refuse("its program headers are outside the file");
        }
        let headers = &file[table as usize..][..usize::from(count) * PROGRAM_HEADER];
        let mut segments: Vec<Segment> = Vec::new();
        for header in headers.chunks_exact(PROGRAM_HEADER) {
            match word(header, 0) {
                LOAD => {
                    let segment = Segment::read(header, file.len() as u64)?;
                    if segments.last().is_some_and(|last| (last.address + last.size).next_multiple_of(PAGE as usize) > segment.address) {
                        return refuse("its segments overlap, share a page or are not in order");
                    }
                    segments.push(segment);
                }
                INTERPRETER => return refuse("it needs a dynamic linker; link it statically"),
                THREAD_LOCAL => return refuse("it has thread-local variables"),
                GNU_STACK if word(header, 4) & EXECUTABLE != 0 => return refuse("it asks for an executable stack"),
                _ => {}
            }
        }
        let Some(last) = segments.last() else { return refuse("it has no segments to load") };
        let span = (last.address + last.size).next_multiple_of(PAGE as usize);
        let entry = usize::try_from(entry).unwrap_or(usize::MAX);
        if !segments.iter().any(|segment| segment.executable && (segment.address..segment.address + segment.file.len()).contains(&entry)) {
            return refuse("its entry point is not in executable code");
        }
        Ok(Self { segments, entry, span })
    }
}

impl Segment {
    fn read(header: &[u8], file_size: u64) -> Result<Self, ImageError> {
        let (flags, offset, address) = (word(header, 4), long(header, 8), long(header, 16));
        let (in_file, in_memory) = (long(header, 32), long(header, 40));
        if offset.checked_add(in_file).is_none_or(|end| end > file_size) {
            return refuse("a segment reaches beyond the file");
        }
        if in_memory == 0 || in_file > in_memory {
            return refuse("a segment has no memory for its bytes");
        }
        if address % PAGE != 0 {
            return refuse(format!("a segment at {address:#x} does not begin at a page"));
        }
        if address.checked_add(in_memory).is_none_or(|end| end > MAX_SPAN) {
            return refuse("it needs more than 256 MiB of memory");
        }
        if flags & !(READABLE | WRITABLE | EXECUTABLE) != 0 || flags & READABLE == 0 {
            return refuse("a segment has unknown permissions, or cannot be read");
        }
        if flags & WRITABLE != 0 && flags & EXECUTABLE != 0 {
            return refuse(format!("the segment at {address:#x} is both writable and executable"));
        }
        Ok(Self {
            address: address as usize,
            size: in_memory as usize,
            file: offset as usize..(offset + in_file) as usize,
            writable: flags & WRITABLE != 0,
            executable: flags & EXECUTABLE != 0,
        })
    }
}
