//! `#[io2::preemptible]`: which loops yield, how often, and that nothing else changes.
//!
//! Once the slice is used up each check yields, so the checks of a future can be counted: it is
//! polled by hand, within one poll of the executor, and each time that it is pending is a check.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use io2::{ExecutorConfig, Preempt};

/// Runs a future with the slice used up: how often it yields, and what it gives.
fn checks<F: Future>(future: F) -> (usize, F::Output) {
    let config = ExecutorConfig::new()
        .preempt_duration(Duration::from_millis(1))
        .preempt(Preempt::Off);
    let counted = async {
        std::thread::sleep(Duration::from_millis(2));
        let mut future = pin!(future);
        let mut checks = 0;
        loop {
            assert!(io2::need_preempt());
            match future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
            {
                Poll::Ready(output) => return (checks, output),
                Poll::Pending => checks += 1,
            }
        }
    };
    config.run(counted).unwrap()
}

#[io2::preemptible]
async fn each_kind(times: usize) -> usize {
    let mut sum = 0;
    for _ in 0..times {
        sum += 1;
    }
    while sum < 2 * times {
        sum += 1;
    }
    let mut left = vec![(); times];
    while let Some(()) = left.pop() {
        sum += 1;
    }
    loop {
        if sum == 4 * times {
            return sum;
        }
        sum += 1;
    }
}

#[test]
fn a_loop_of_each_kind_checks_at_each_iteration() {
    // The last iteration of the last loop does nothing but check.
    assert_eq!(checks(each_kind(5)), (21, 20));
    assert_eq!(checks(each_kind(0)), (1, 0));
}

#[test]
fn a_slice_that_is_not_used_up_costs_no_poll() {
    let config = ExecutorConfig::new().preempt_duration(Duration::from_secs(60));
    let mut future = Box::pin(each_kind(100));
    let first = config.run(async {
        let mut context = Context::from_waker(Waker::noop());
        future.as_mut().poll(&mut context)
    });
    assert_eq!(first.unwrap(), Poll::Ready(400));
}

#[test]
fn a_loop_that_never_waits_lets_other_tasks_run() {
    #[io2::preemptible]
    async fn until(done: &Cell<bool>) -> u64 {
        let mut rounds = 0;
        while !done.get() {
            rounds += 1;
        }
        rounds
    }

    let config = ExecutorConfig::new()
        .preempt_duration(Duration::from_millis(1))
        .preempt(Preempt::Off);
    config
        .run(async {
            let done = Rc::new(Cell::new(false));
            let told = done.clone();
            // A task that waits for the kernel, and for a timer.
            let other = io2::spawn(async move {
                io2::time::sleep(Duration::from_millis(3)).await;
                io2::op::nop().await.unwrap();
                told.set(true);
            });
            assert!(until(&done).await > 0);
            other.await;
        })
        .unwrap();
}

#[test]
fn outside_an_executor_loops_go_on() {
    assert_eq!(futures::executor::block_on(each_kind(50)), 200);
}

#[io2::preemptible]
async fn loops_in_loops() -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    'rows: for row in 0..10 {
        for column in 0..10 {
            if column > row {
                continue 'rows;
            }
            if row == 4 {
                break 'rows;
            }
            found.push((row, column));
        }
    }
    found
}

#[test]
fn labels_lead_where_they_led() {
    let (checks, found) = checks(loops_in_loops());
    assert_eq!(found.len(), 10);
    // Rows 0 to 4, and of the columns one more than was found in each row, of the last one the first.
    assert_eq!(checks, 5 + (2 + 3 + 4 + 5) + 1);
}

#[test]
#[expect(clippy::never_loop, reason = "only the checks matter")]
fn a_loop_gives_its_value() {
    #[io2::preemptible]
    async fn power(limit: u32) -> u32 {
        let mut n = 1;
        let found = loop {
            n *= 2;
            if n > limit {
                break n;
            }
        };
        found
            + 'outer: loop {
                loop {
                    break 'outer 1;
                }
            }
    }

    assert_eq!(checks(power(10)), (4 + 2, 17));
}

#[test]
fn a_function_may_end_in_a_loop_that_does_not() {
    #[io2::preemptible]
    #[expect(clippy::never_loop, reason = "so it is")]
    async fn first<T>(values: impl IntoIterator<Item = T>) -> Option<T> {
        for value in values {
            return Some(value);
        }
        None
    }

    #[io2::preemptible]
    async fn forever() -> std::convert::Infallible {
        loop {}
    }

    assert_eq!(checks(first([7, 8])), (1, Some(7)));
    let mut future = pin!(forever());
    let config = ExecutorConfig::new().preempt_duration(Duration::from_millis(1));
    let polls = config.run(async {
        std::thread::sleep(Duration::from_millis(2));
        let mut context = Context::from_waker(Waker::noop());
        (0..3)
            .filter(|_| future.as_mut().poll(&mut context).is_pending())
            .count()
    });
    assert_eq!(polls.unwrap(), 3);
}

#[test]
#[expect(clippy::never_loop, reason = "only the checks matter")]
fn closures_items_constants_and_inner_futures_are_left_alone() {
    #[io2::preemptible]
    async fn nothing() -> usize {
        const fn count() -> usize {
            let mut n = 0;
            while n < 3 {
                n += 1;
            }
            n
        }
        const THREE: usize = {
            let mut n = 0;
            while n < 3 {
                n += 1;
            }
            n
        };
        struct Counts;
        impl Counts {
            #[expect(clippy::unused_async, reason = "its loop is not to yield")]
            async fn count(&self) -> usize {
                let mut n = 0;
                while n < 3 {
                    n += 1;
                }
                n
            }
        }
        let closure = |mut n: usize| {
            while n < 3 {
                n += 1;
            }
            n
        };
        let closing = async |mut n: usize| {
            while n < 3 {
                n += 1;
            }
            n
        };
        let inner = async {
            let mut n = 0;
            while n < 3 {
                n += 1;
            }
            n
        };
        let inline = const {
            let mut n = 0;
            while n < 3 {
                n += 1;
            }
            n
        };
        let array = [1; {
            let mut n = 0;
            while n < 3 {
                n += 1;
            }
            n
        }];
        let typed: [usize; {
            let mut n = 0;
            while n < 1 {
                n += 1;
            }
            n
        }] = [3];
        count()
            + THREE
            + Counts.count().await
            + closure(0)
            + closing(0).await
            + inner.await
            + inline
            + array.len()
            + typed[0]
            + size_of::<
                [u8; loop {
                    break 3;
                }],
            >()
            + array
                .first_chunk::<{
                    loop {
                        break 3;
                    }
                }>()
                .unwrap()
                .len()
    }

    assert_eq!(checks(nothing()), (0, 33));
}

#[test]
#[expect(clippy::never_loop, reason = "only the checks matter")]
fn loops_anywhere_else_in_the_body_check() {
    #[io2::preemptible]
    async fn everywhere(n: u32) -> Option<u32> {
        let Some(mut n) = n.checked_add(1) else {
            loop {}
        };
        // In a head, a condition, an arm, an argument, a block, and an operand.
        for _ in loop {
            break 0..1;
        } {
            n += 1;
        }
        if loop {
            break n > 0;
        } {
            n += 1;
        } else {
            loop {}
        }
        n = match n {
            0 => loop {},
            n if loop {
                break n == 1;
            } =>
            {
                0
            }
            n => loop {
                break n;
            },
        };
        n = u32::max(
            n,
            loop {
                break 0;
            },
        );
        {
            loop {
                break;
            }
        }
        Some(
            n + loop {
                break Some(1);
            }?,
        )
    }

    assert_eq!(checks(everywhere(0)), (1 + 1 + 1 + 2 + 1 + 1 + 1, Some(4)));
}

#[test]
fn a_loop_that_is_marked_is_left_alone_and_those_in_it_are_not() {
    #[io2::preemptible]
    async fn marked(times: usize) -> usize {
        let mut sum = 0;
        #[io2::no_yield]
        for _ in 0..times {
            for _ in 0..times {
                sum += 1;
            }
        }
        #[io2::no_yield]
        'counting: while sum > 0 {
            sum -= 1;
            if sum == times {
                break 'counting;
            }
        }
        let last = #[io2::no_yield]
        loop {
            sum += 1;
            if sum > 3 * times {
                break sum;
            }
        };
        last - 1
    }

    assert_eq!(checks(marked(10)), (100, 30));
}

#[test]
fn every_nth_iteration_checks() {
    #[io2::preemptible(every = 4)]
    async fn fourth(times: usize) {
        for _ in 0..times {}
    }
    #[io2::preemptible(every = 10)]
    async fn tenth(times: usize) {
        for _ in 0..times {}
    }
    const SEVEN: u32 = 7;
    #[io2::preemptible(every = SEVEN)]
    async fn seventh(times: usize) {
        for _ in 0..times {}
    }
    #[io2::preemptible(every = 1)]
    async fn each(times: usize) {
        for _ in 0..times {}
    }
    for times in [0, 3, 4, 6, 7, 9, 10, 11, 100] {
        assert_eq!(checks(fourth(times)).0, times / 4);
        assert_eq!(checks(seventh(times)).0, times / 7);
        assert_eq!(checks(tenth(times)).0, times / 10);
        assert_eq!(checks(each(times)).0, times);
    }
}

#[test]
fn loops_count_apart_and_go_on_counting_where_they_begin_again() {
    #[io2::preemptible(every = 100)]
    async fn short(times: usize) {
        for _ in 0..times {
            for _ in 0..10 {}
        }
    }
    // The outer one checks once, the inner one with each tenth run.
    assert_eq!(checks(short(199)).0, 1 + 19);
}

#[test]
#[expect(unsafe_code, reason = "an unsafe function is called")]
fn an_unsafe_function_stays_so() {
    /// # Safety
    ///
    /// It is safe.
    #[io2::preemptible]
    async unsafe fn count(times: usize) -> usize {
        let mut n = 0;
        while n < times {
            n += 1;
        }
        n
    }

    // SAFETY: it is safe.
    assert_eq!(checks(unsafe { count(3) }), (3, 3));
}

struct Numbers(Vec<u32>);

trait Sum {
    async fn sum(&self) -> u32;

    #[io2::preemptible]
    async fn count(&self, up_to: u32) -> u32 {
        let mut n = 0;
        while n < up_to {
            n += 1;
        }
        n
    }
}

impl Sum for Numbers {
    #[io2::preemptible]
    async fn sum(&self) -> u32 {
        let mut sum = 0;
        for number in &self.0 {
            sum += number;
        }
        sum
    }
}

impl Numbers {
    #[io2::preemptible]
    async fn longest<'a>(
        &'a mut self,
        words: &[&'a str],
    ) -> Result<&'a str, std::num::ParseIntError> {
        let mut longest = "";
        for &word in words {
            self.0.push(word.parse()?);
            if word.len() > longest.len() {
                longest = word;
            }
        }
        Ok(longest)
    }

    #[io2::preemptible(crate = ::io2)]
    pub(crate) async fn mapped<T, const N: usize>(values: [T; N], map: impl Fn(T) -> T) -> Vec<T>
    where
        T: Clone,
    {
        let mut mapped = Vec::with_capacity(N);
        for value in values {
            mapped.push(map(value));
        }
        mapped
    }
}

#[test]
fn methods_generics_lifetimes_and_errors_stay_what_they_were() {
    let mut numbers = Numbers(vec![1, 2]);
    assert_eq!(checks(numbers.sum()), (2, 3));
    assert_eq!(checks(numbers.count(4)), (4, 4));
    assert_eq!(checks(numbers.longest(&["3", "12"])), (2, Ok("12")));
    let (checked, failed) = checks(numbers.longest(&["4", "x", "5"]));
    assert_eq!(checked, 2);
    assert!(failed.is_err());
    assert_eq!(checks(numbers.sum()), (5, 22));
    assert_eq!(checks(Numbers::mapped([1, 2], |n| n * 2)), (2, vec![2, 4]));
}

#[test]
fn it_goes_with_the_attributes_that_start_an_executor_in_both_orders() {
    #[io2::preemptible]
    #[io2::main(preempt_us = 1)]
    async fn above(rounds: usize) -> usize {
        turns(rounds)
    }

    #[io2::main(preempt_us = 1, crate = ::io2)]
    #[io2::preemptible]
    async fn below(rounds: usize) -> usize {
        turns(rounds)
    }

    fn turns(rounds: usize) -> usize {
        rounds
    }

    assert_eq!(above(3) + below(4), 7);
}

/// Runs until another task has run, which only a check lets it.
mod both {
    use std::cell::Cell;
    use std::rc::Rc;

    fn flag() -> Rc<Cell<bool>> {
        let flag = Rc::new(Cell::new(false));
        let set = flag.clone();
        drop(io2::spawn(async move { set.set(true) }));
        flag
    }

    #[io2::test(preempt_ms = 1)]
    #[io2::preemptible]
    async fn a_test_above_is_preemptible() {
        let flag = flag();
        while !flag.get() {}
    }

    #[io2::preemptible(every = 2)]
    #[io2::test(preempt_ms = 1)]
    async fn a_test_below_is_preemptible() {
        let flag = flag();
        while !flag.get() {}
    }

    #[io2::main(preempt_ms = 1)]
    #[io2::preemptible(every = 3)]
    async fn main_above() -> Result<u8, std::fmt::Error> {
        let flag = flag();
        while !flag.get() {}
        Ok(1)
    }

    #[io2::preemptible]
    #[io2::main(preempt_ms = 1)]
    async fn main_below() -> Result<u8, std::fmt::Error> {
        let flag = flag();
        while !flag.get() {}
        Ok(2)
    }

    #[test]
    fn a_main_is_preemptible_in_both_orders() {
        assert_eq!(main_above(), Ok(1));
        assert_eq!(main_below(), Ok(2));
    }
}

macro_rules! summing {
    ($name:ident $head:expr, $label:lifetime $value:ident $pat:pat => $body:block) => {
        #[io2::preemptible]
        async fn $name() -> u32 {
            let mut $value = 0;
            $label: for $pat in $head $body
            let n = ($head).count();
            $value + u32::try_from(n).unwrap()
        }
    };
}

summing! { summed 1..=3, 'all sum n => { sum += n; if n > 5 { break 'all } } }

#[test]
fn a_macro_can_make_the_function() {
    assert_eq!(checks(summed()), (3, 9));
}

#[test]
fn attributes_of_loops_and_of_the_body_stay() {
    #[io2::preemptible(every = 1024)]
    async fn configured() -> u32 {
        #![expect(unused_variables, reason = "attributes stay")]
        let unused = 1;
        let mut n = 0;
        #[cfg(target_os = "none")]
        for _ in 0..does_not_exist() {}
        #[cfg(target_os = "linux")]
        while n < 5 {
            n += 1;
        }
        #[expect(unused_mut, reason = "attributes stay")]
        for mut m in 0..1 {
            n += m;
        }
        n
    }

    assert_eq!(checks(configured()), (0, 5));
}

#[test]
fn a_future_that_is_send_stays_so() {
    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }

    #[io2::preemptible(every = 3)]
    async fn sent(words: Vec<String>) -> usize {
        let mut sum = 0;
        for word in &words {
            sum += word.len();
        }
        sum
    }

    let words = vec!["a".to_owned(), "bc".to_owned(), "def".to_owned()];
    assert_eq!(checks(is_send(sent(words))), (1, 6));
}

/// Nothing is held over a yield here, so nothing is warned of, and a warning fails the checks of the
/// project.
#[test]
fn guards_that_are_gone_are_not_warned_of() {
    #[io2::preemptible]
    #[expect(
        clippy::await_holding_lock,
        reason = "it does not see a drop in both branches"
    )]
    async fn quiet(cell: &RefCell<Vec<usize>>, lock: &Mutex<usize>) -> usize {
        let length = cell.borrow().len();
        let copied = *lock.lock().unwrap();
        let guard = lock.lock().unwrap();
        let text = cell.borrow_mut();
        drop(guard);
        let moved = text;
        drop(moved);
        let _ = cell.borrow_mut();
        {
            let inner = cell.borrow();
            assert_eq!(inner.len(), length);
        }
        cell.borrow_mut().push(copied);
        for _ in 0..1 {
            let inner = cell.borrow();
            assert!(!inner.is_empty());
        }
        if cell.borrow().is_empty() {
            loop {}
        }
        while cell.borrow().len() < 5 {
            cell.borrow_mut().push(1);
        }
        let taken = std::mem::take(&mut *cell.borrow_mut());
        let mut sum = 0;
        for n in taken {
            sum += n;
        }
        #[io2::no_yield]
        while let Some(n) = cell.borrow_mut().pop() {
            sum += n;
        }
        let branch = lock.lock().unwrap();
        if *branch > 100 {
            drop(branch);
        } else {
            sum += *branch;
            drop(branch);
        }
        let Ok(other) = lock.lock() else { loop {} };
        drop(other);
        match lock.lock() {
            Ok(guard) => {
                drop(guard);
                for _ in 0..1 {}
            }
            Err(poisoned) => {
                drop(poisoned);
                loop {}
            }
        }
        let asynchronous = io2::sync::Mutex::new(0);
        let held = asynchronous.lock().await;
        for _ in 0..1 {
            sum += *held;
        }
        let counted = io2::sync::RwLock::new(0);
        for _ in 0..*counted.read().await {}
        sum
    }

    let (cell, lock) = (RefCell::new(vec![2]), Mutex::new(3));
    assert_eq!(checks(quiet(&cell, &lock)).1, 2 + 3 + 3 + 3);
}
