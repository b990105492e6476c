//! Operations that panic where they describe themselves.

use std::pin::pin;
use std::rc::Rc;

use io_uring::opcode;

use super::*;
use crate::ExecutorConfig;

/// Says how many of them there are, and is too large for a slot.
type Side = (Rc<()>, [u64; 16]);

struct PanicsOnce {
    panics: bool,
    count: Rc<()>,
}

// SAFETY: the entry holds no address.
unsafe impl Operation for PanicsOnce {
    type Output = io::Result<u32>;
    type Side = Side;
    const NAME: &'static str = "nop";

    fn side(&mut self) -> Side {
        (self.count.clone(), [7; 16])
    }

    fn encode(&mut self, _side: *mut Side) -> Entry {
        assert!(!mem::take(&mut self.panics), "on purpose");
        opcode::Nop::new().build()
    }

    fn finish(self, side: Side, result: io::Result<u32>) -> Self::Output {
        assert_eq!(side.1, [7; 16]);
        result
    }

    fn target(&self) -> Target {
        Target::nothing()
    }
}

#[test]
fn an_operation_that_panics_before_it_is_submitted_leaves_nothing_and_can_be_tried_again() {
    let run = ExecutorConfig::new().run(async {
        let count = Rc::new(());
        let mut operation = pin!(Op::new(PanicsOnce {
            panics: true,
            count: count.clone(),
        }));
        let first = std::future::poll_fn(|cx| {
            let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                operation.as_mut().poll(cx).is_ready()
            }));
            Poll::Ready(polled)
        });
        assert!(first.await.is_err());
        assert_eq!(Rc::strong_count(&count), 2, "this one, and the operation's");
        let pending = crate::executor::context::with(|it| it.driver.borrow().pending());
        assert_eq!(pending, Some(0));
        assert_eq!(operation.await.unwrap(), 0);
        assert_eq!(Rc::strong_count(&count), 1);
    });
    run.unwrap();
}
