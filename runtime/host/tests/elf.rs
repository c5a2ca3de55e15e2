//! The reader of images: what it accepts can be mapped (`fuzz.rs` gives it random ones).

use authentic_host::native::elf::Image;
use authentic_testing::image::{Behaviour, image};

#[test]
fn reads_an_image() {
    let read = Image::read(&image(Behaviour::Idle, 0)).expect("an image");
    assert_eq!((read.entry, read.span, read.segments.len()), (120, 4096, 1));
    assert!(read.segments[0].executable && !read.segments[0].writable);
}

#[test]
fn refuses_each_defect() {
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = image(Behaviour::Idle, 0);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        Image::read(&file).expect_err("refused").to_string()
    };
    for (at, bytes, expected) in [
        (0, &[0][..], "not an ELF file"),
        (4, &[1], "64-bit"),
        (5, &[2], "little-endian"),
        (16, &[2], "position-independent"),
        (18, &[3], "x86-64"),
        (24, &[0xff, 0xff], "entry point"),
        (32, &[0xff; 8], "outside the file"),
        (54, &[57], "program headers"),
        (56, &[0], "program headers"),
        (56, &[33], "program headers"),
        (64, &[3], "dynamic linker"),
        (64, &[7], "thread-local"),
        (64, &[6], "no segments"),
        (68, &[7], "both writable and executable"),
        (68, &[8], "unknown permissions"),
        (68, &[4], "entry point"),
        (72, &[0xff; 8], "beyond the file"),
        (80, &[1], "does not begin at a page"),
        (96, &[0xff; 8], "beyond the file"),
        (104, &[0; 8], "no memory"),
        (104, &[0xff; 8], "256 MiB"),
    ] {
        let message = changed(at, bytes);
        assert!(message.contains(expected), "at {at}: {message}");
    }
    assert!(Image::read(&[]).is_err());
}
