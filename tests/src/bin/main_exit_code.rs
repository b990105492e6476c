//! A `main` that gives an `ExitCode`, with a constant as an argument.

use std::process::ExitCode;

const DEPTH: u32 = 2 * 8;

#[io2::main(ring_depth = DEPTH)]
async fn main() -> ExitCode {
    ExitCode::from(io2::ring_info().unwrap().depth as u8)
}
