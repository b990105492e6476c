//! A `main` whose type has no name.

use std::process::{ExitCode, Termination};

#[io2::main(preempt = "off")]
async fn main() -> impl Termination {
    io2::spawn(async { ExitCode::from(4) }).await
}
