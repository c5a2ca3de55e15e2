//! For tests alone: images of a few instructions, and reproducible random inputs.

pub mod fuzz;
pub mod image;
