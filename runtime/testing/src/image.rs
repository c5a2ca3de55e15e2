//! Images of native modules with a few instructions each (x86-64), as the loader expects them.

const HEADERS: usize = 64 + 56;

/// What the module does when it is entered to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Returns: nothing left to do.
    Idle,
    /// Executes an undefined instruction.
    UndefinedInstruction,
    /// Reads address 1.
    BadAccess,
    /// Sets the direction flag and faults.
    DirectionFlag,
    /// Runs for ever.
    Loop,
    /// Faults, and again when it is entered to erase its keys.
    FaultTwice,
    /// Runs for ever, and again when it is entered to erase its keys.
    LoopTwice,
    /// Returns that it wants to be entered again, always.
    More,
}

/// An image with this behaviour. Two with the same `salt` are the same file.
pub fn image(behaviour: Behaviour, salt: u8) -> Vec<u8> {
    // cmp rdi, 1; jne; <action>; cmp rdi, 2; mov eax, 0; jne; mov eax, 4; ret
    let conditional = |action: &[u8]| {
        let mut code = vec![0x48, 0x83, 0xff, 0x01, 0x75, action.len() as u8];
        code.extend_from_slice(action);
        code.extend_from_slice(&[0x48, 0x83, 0xff, 0x02, 0xb8, 0, 0, 0, 0, 0x75, 0x05, 0xb8, 4, 0, 0, 0, 0xc3]);
        code
    };
    // test rdi, rdi; je; <action>; xor eax, eax; ret
    let unless_first = |action: [u8; 2]| vec![0x48, 0x85, 0xff, 0x74, 0x02, action[0], action[1], 0x31, 0xc0, 0xc3];
    let code = match behaviour {
        Behaviour::Idle => conditional(&[0x90]),
        Behaviour::UndefinedInstruction => conditional(&[0x0f, 0x0b]),
        Behaviour::BadAccess => conditional(&[0x8b, 0x07]),
        Behaviour::DirectionFlag => conditional(&[0xfd, 0x0f, 0x0b]),
        Behaviour::Loop => conditional(&[0xeb, 0xfe]),
        Behaviour::FaultTwice => unless_first([0x0f, 0x0b]),
        Behaviour::LoopTwice => unless_first([0xeb, 0xfe]),
        Behaviour::More => vec![0x89, 0xf8, 0xc3],
    };
    let mut file = vec![0; HEADERS];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    let size = (HEADERS + code.len() + 1) as u64;
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(16, &3u16.to_le_bytes());
    put(18, &62u16.to_le_bytes());
    put(20, &1u32.to_le_bytes());
    put(24, &(HEADERS as u64).to_le_bytes());
    put(32, &64u64.to_le_bytes());
    put(52, &64u16.to_le_bytes());
    put(54, &56u16.to_le_bytes());
    put(56, &1u16.to_le_bytes());
    put(64, &1u32.to_le_bytes());
    put(68, &5u32.to_le_bytes());
    put(96, &size.to_le_bytes());
    put(104, &size.to_le_bytes());
    put(112, &4096u64.to_le_bytes());
    file.extend_from_slice(&code);
    file.push(salt);
    file
}
