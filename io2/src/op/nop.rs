//! The operation that does nothing.

use std::io;

use io_uring::{opcode, squeue::Entry};

use super::{Op, Operation, Target};

/// Does nothing in the kernel: one full round through the ring, for measuring and for tests.
///
/// ```
/// # io2::ExecutorConfig::new().run(async {
/// io2::op::nop().await?;
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub fn nop() -> Op<Nop> {
    Op::new(Nop(()))
}

/// See [`nop`].
#[derive(Debug)]
pub struct Nop(());

// SAFETY: the entry holds no address.
unsafe impl Operation for Nop {
    type Output = io::Result<()>;
    type Side = ();
    const NAME: &'static str = "nop";

    fn side(&mut self) {}

    fn encode(&mut self, _side: *mut ()) -> Entry {
        opcode::Nop::new().build()
    }

    fn finish(self, _side: (), result: io::Result<u32>) -> Self::Output {
        result.map(drop)
    }

    fn target(&self) -> Target {
        Target::nothing()
    }
}
