//! Auditor: reads. It declares no request that could change anything.
#![no_std]
#![forbid(unsafe_code)]
use authentic::{Refused, Result, handler, request};

#[request(16, reply = 20)]
fn count(data: &[u8], reply: &mut [u8]) -> Result<usize>;

#[handler(16, reply = 20)]
fn audit(data: &[u8], reply: &mut [u8]) -> core::result::Result<usize, Refused> {
    Ok(count(data, reply)?)
}
