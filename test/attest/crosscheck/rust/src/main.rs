//! What the crates `dcap-qvl` and `sev` say of evidence: one JSON request a line in, one JSON answer a line out.

mod dcap;
mod snp;

use std::error::Error;
use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

/// Evidence with all that its verification needs. Byte strings are hexadecimal.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Request {
    Dcap(dcap::Request),
    Snp(snp::Request),
}

/// The opinion of a crate.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Accepted { status: String, advisories: Vec<String> },
    Refused { problem: String },
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Request::Dcap(request) => dcap::judge(request),
            Request::Snp(request) => snp::judge(&request),
        };
        serde_json::to_writer(&mut out, &answer.unwrap_or_else(|problem| Answer::Refused { problem }))?;
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}
