//! For tests alone: images of a few instructions, and reproducible random inputs.

#[cfg(target_arch = "x86_64")]
pub mod enclave;
pub mod fuzz;
pub mod hostile;
pub mod image;
pub mod memory;
pub mod sigstruct;

#[cfg(test)]
#[global_allocator]
static MEMORY: memory::Counting = memory::Counting;
