//! Random numbers.

use std::hash::{BuildHasher, RandomState};

/// Gives numbers below what it is given, other ones in each run. The seed is printed.
#[expect(
    clippy::print_stdout,
    reason = "the harness shows it when the test fails"
)]
pub fn random() -> impl FnMut(u64) -> u64 + Send {
    let mut state = RandomState::new().hash_one(0) | 1;
    println!("the seed is {state}");
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}
