//! Reads what the agent got as the image of an enclave: SIGSTRUCT ‖ ELF file.

use super::SgxError;
use crate::native::elf::Image;
use authentic_sgx::{Layout, Permissions, Secs, Segment, SigStruct};

/// A checked image.
pub struct EnclaveImage {
    /// Who vouches for it; not yet checked.
    pub sigstruct: SigStruct,
    /// Its pages.
    pub layout: Layout,
}

impl EnclaveImage {
    /// Reads `file`.
    ///
    /// # Errors
    /// What makes it no image of an enclave.
    pub fn read(file: &[u8]) -> Result<Self, SgxError> {
        let Some((sigstruct, elf)) = file.split_first_chunk::<{ SigStruct::LENGTH }>() else { return Err(SgxError::Short(file.len())) };
        let image = Image::read(elf)?;
        let segments: Vec<Segment<'_>> = image
            .segments
            .iter()
            .map(|segment| Segment {
                offset: segment.address as u64,
                bytes: &elf[segment.file.clone()],
                size: segment.size as u64,
                permissions: Permissions { read: true, write: segment.writable, execute: segment.executable },
            })
            .collect();
        Ok(Self { sigstruct: SigStruct::from_bytes(sigstruct), layout: Layout::new(&segments)? })
    }

    /// SECS as ECREATE takes it, for a range of addresses that begins at `base`. Debugging is as the signer says.
    pub fn secs(&self, base: u64) -> Secs {
        let debug = self.sigstruct.attributes().flags & authentic_sgx::Attributes::DEBUG;
        let mut attributes = Layout::ATTRIBUTES;
        attributes.flags |= debug;
        Secs { size: self.layout.size, base, ssa_frame_size: Layout::SSA_FRAME_SIZE, attributes, ..Secs::default() }
    }
}
