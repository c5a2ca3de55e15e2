//! Compiles C for the MSP430 with Zig, which must be there: a missing compiler fails the tests instead of skipping them.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "0.17.1";
const FLAGS: [&str; 12] = [
    "-target",
    "msp430-freestanding",
    "-Os",
    "-g0",
    "-ffreestanding",
    "-fno-builtin",
    "-fno-jump-tables",
    "-fno-common",
    "-fno-sanitize=all",
    "-fno-stack-protector",
    "-ffunction-sections",
    "-fdata-sections",
];

/// AUTHENTIC_ZIG, else `zig` on PATH, else what the project's set-up installed.
fn zig() -> Vec<PathBuf> {
    let cache = std::env::var_os("AUTHENTIC_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        let xdg = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
        xdg.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache")).join("pulumi-authentic")
    });
    let bin = cache.join(format!("zig-{VERSION}/bin"));
    let candidates = [
        std::env::var_os("AUTHENTIC_ZIG").map(|zig| vec![PathBuf::from(zig)]),
        Some(vec![PathBuf::from("zig")]),
        Some(vec![bin.join("zig")]),
        Some(vec![bin.join("python"), "-m".into(), "ziglang".into()]),
    ];
    let works = |command: &Vec<PathBuf>| {
        let output = Command::new(&command[0]).args(&command[1..]).arg("version").output();
        output.is_ok_and(|o| o.status.success() && String::from_utf8_lossy(&o.stdout).trim() == VERSION)
    };
    candidates
        .into_iter()
        .flatten()
        .find(works)
        .unwrap_or_else(|| panic!("Zig {VERSION} is needed: run `npm run setup` in the package's folder, or set AUTHENTIC_ZIG to the compiler"))
}

fn run(zig: &[PathBuf], arguments: &[&str]) {
    let output = Command::new(&zig[0]).args(&zig[1..]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A folder of the test's own, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("authentic-sancus-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Compiles and links a program of `tests/programs` with the module runtime; returns the ELF file.
pub fn program(folder: &Folder, sources: &[&str]) -> PathBuf {
    let zig = zig();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut objects = Vec::new();
    let files = sources.iter().map(|s| here.join("tests/programs").join(s)).chain([here.join("module/runtime.c")]);
    for source in files {
        let object = folder.file(&format!("{}.o", source.file_name().unwrap().to_string_lossy()));
        let mut arguments = vec!["cc", "-c", source.to_str().unwrap(), "-o", object.to_str().unwrap()];
        arguments.extend(FLAGS);
        run(&zig, &arguments);
        objects.push(object);
    }
    let image = folder.file("program.elf");
    let script = here.join("tests/programs/bare.ld");
    let mut arguments = vec!["ld.lld", "--gc-sections", "-T", script.to_str().unwrap(), "-o", image.to_str().unwrap()];
    arguments.extend(objects.iter().map(|o| o.to_str().unwrap()));
    run(&zig, &arguments);
    image
}

/// Compiles and links the event manager of boards for a baud divisor; returns the ELF file.
#[allow(dead_code, reason = "each test crate uses a part")]
pub fn firmware(folder: &Folder, divisor: u16) -> PathBuf {
    let zig = zig();
    let sancus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sancus");
    let baud = format!("-DBAUD_DIVISOR={divisor}");
    let mut objects = Vec::new();
    for source in ["firmware/boot.S", "firmware/main.c", "module/runtime.c"].map(|source| sancus.join(source)) {
        let object = folder.file(&format!("{}.o", source.file_name().unwrap().to_string_lossy()));
        let mut arguments = vec!["cc", "-c", source.to_str().unwrap(), "-o", object.to_str().unwrap(), &baud];
        arguments.extend(FLAGS);
        run(&zig, &arguments);
        objects.push(object);
    }
    let image = folder.file(&format!("firmware-{divisor}.elf"));
    let script = sancus.join("firmware/link.ld");
    let mut arguments = vec!["ld.lld", "--gc-sections", "--no-check-sections", "-e", "boot", "-T", script.to_str().unwrap(), "-o", image.to_str().unwrap()];
    arguments.extend(objects.iter().map(|o| o.to_str().unwrap()));
    run(&zig, &arguments);
    image
}
