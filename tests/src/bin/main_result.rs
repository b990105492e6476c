//! A `main` that gives a `Result`. Its argument says how it ends.

use std::future::pending;

struct Noisy;

#[expect(clippy::print_stdout, reason = "the test reads it")]
impl Drop for Noisy {
    fn drop(&mut self) {
        println!("dropped");
    }
}

#[io2::main(ring_depth = 1, preempt_us = 500, spin_us = 1, name = "result")]
async fn main() -> Result<(), std::fmt::Error> {
    match std::env::args().nth(1).as_deref() {
        Some("error") => Err(std::fmt::Error)?,
        Some("panic") => {
            let noisy = Noisy;
            io2::spawn(async move {
                pending::<()>().await;
                drop(noisy);
            });
            io2::yield_now().await;
            panic!("as asked")
        }
        Some("nested") => inner(),
        _ => assert_eq!(io2::ring_info().unwrap().depth, 1),
    }
    Ok(())
}

#[io2::main]
async fn inner() {}
