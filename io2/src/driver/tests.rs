//! The driver under faults, and a thread with more rings than the kernel registers.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::birth::Birth;
use super::faults::{self, Fault};
use super::ring::Ring;
use super::*;
use crate::fs::File;
use crate::op::nop;
use crate::sys;

const META: Meta = Meta {
    id: 1,
    name: "test",
    fd: -1,
    len: 0,
    task: 0,
    since: None,
};

static PAGE: Page = Page::new();

/// Runs a future on a ring of `depth` entries while the kernel does what `faults` say.
fn run_with<F: Future>(
    depth: u32,
    faults: impl IntoIterator<Item = Fault>,
    future: F,
) -> io::Result<F::Output> {
    faults::ask(faults);
    let output = ExecutorConfig::new().ring_depth(depth).run(future);
    assert_eq!(faults::left(), 0, "faults that did not happen");
    output
}

/// Submits `count` operations at once, and waits for all.
async fn nops(count: usize) {
    let mut set = crate::JoinSet::new();
    for _ in 0..count {
        set.spawn(nop());
    }
    let mut done = 0;
    while let Some(output) = set.join_next().await {
        output.unwrap().unwrap();
        done += 1;
    }
    assert_eq!(done, count);
}

#[test]
fn a_kernel_that_is_busy_gets_its_entries_later() {
    let faults = [
        Fault::Fail(libc::EBUSY),
        Fault::Fail(libc::EAGAIN),
        Fault::Fail(libc::EBUSY),
        Fault::Pass,
        Fault::Fail(libc::EAGAIN),
    ];
    run_with(4, faults, nops(50)).unwrap();
}

#[cfg(feature = "tracing")]
#[test]
fn that_the_kernel_is_busy_is_told_each_time() {
    let kept = crate::trace::kept::Kept::of(&["ring.busy"]);
    let run = tracing::subscriber::with_default(kept.clone(), || {
        let faults = [Fault::Fail(libc::EBUSY), Fault::Fail(libc::EAGAIN)];
        run_with(4, faults, async {
            nops(4).await;
            crate::stats().expect("an executor runs").busy
        })
    });
    assert_eq!(run.unwrap(), 2);
    let told = kept.events();
    assert_eq!(told.len(), 2, "{told:?}");
    let fields = ["depth=4 ", "inflight=4 ", "count=1 "];
    assert!(
        fields.iter().all(|field| told[0].contains(field)),
        "{told:?}"
    );
}

#[test]
fn an_interrupted_or_expired_enter_is_no_error() {
    let faults = [
        Fault::Fail(libc::EINTR),
        Fault::Fail(libc::ETIME),
        Fault::Pass,
        Fault::Fail(libc::EINTR),
    ];
    run_with(4, faults, nops(50)).unwrap();
}

#[test]
fn entries_that_an_enter_left_over_are_submitted_by_the_next() {
    let faults = [0, 1, 0, 2, 3, 0, 1].map(Fault::Short);
    run_with(8, faults, nops(50)).unwrap();
}

#[test]
fn a_completion_that_the_kernel_lost_ends_run_with_an_error() {
    let error = run_with(4, [Fault::Fail(libc::EBADR)], nops(3)).unwrap_err();
    assert!(error.to_string().contains("EBADR"), "{error}");
}

/// A buffer that counts how many of its kind there are.
struct Counted(Rc<Cell<usize>>, Vec<u8>);

impl Counted {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Counted(count.clone(), vec![0; 16])
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

// SAFETY: the vector keeps its address, whose bytes are initialised, until it is dropped.
unsafe impl crate::buf::IoBuf for Counted {
    fn stable_ptr(&self) -> *const u8 {
        self.1.as_ptr()
    }
    fn bytes_init(&self) -> usize {
        self.1.len()
    }
}

// SAFETY: as above; the length never changes.
unsafe impl crate::buf::IoBufMut for Counted {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.1.as_mut_ptr()
    }
    unsafe fn set_init(&mut self, _len: usize) {}
}

fn pipe() -> (File, io::PipeWriter) {
    let (reader, writer) = io::pipe().unwrap();
    (File::from_std(OwnedFd::from(reader).into()), writer)
}

/// Starts reads that wait, and drops them; gives how many buffers there were in between, and are
/// left after `run`.
fn drop_reads(depth: u32, count: usize, faults: impl IntoIterator<Item = Fault>) -> (usize, usize) {
    let buffers = Rc::new(Cell::new(0));
    let most = run_with(depth, faults, async {
        let (file, writer) = pipe();
        let mut reads: Vec<_> = (0..count)
            .map(|_| Box::pin(file.read(Counted::new(&buffers))))
            .collect();
        poll_fn(|cx| {
            for read in &mut reads {
                assert!(read.as_mut().poll(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        crate::yield_now().await;
        drop(reads);
        let most = buffers.get();
        // The reads that the kernel has cancelled are done before this one is.
        while buffers.get() > 0 {
            nop().await.unwrap();
        }
        drop(writer);
        most
    });
    (most.unwrap(), buffers.get())
}

#[test]
fn no_cancellation_is_lost_when_the_queue_is_full_and_the_kernel_busy() {
    let faults = (0..40).map(|n| match n % 4 {
        0 => Fault::Fail(libc::EBUSY),
        1 => Fault::Short(1),
        2 => Fault::Fail(libc::EINTR),
        _ => Fault::Pass,
    });
    assert_eq!(drop_reads(1, 100, faults), (100, 0));
}

#[test]
fn an_orphan_keeps_its_buffer_until_its_completion() {
    assert_eq!(drop_reads(64, 1, []), (1, 0));
}

#[test]
fn a_cancellation_that_came_too_early_is_sent_again() {
    let mut inflight = Inflight::new();
    let (key, _) = inflight.reserve(META, None, Waker::noop().clone());
    for errno in [libc::ENOENT, libc::EALREADY] {
        assert!(cancel::came_too_early(key, -errno, &mut inflight));
    }
    // It was found: its own completion follows.
    assert!(!cancel::came_too_early(key, 0, &mut inflight));
    inflight.slots.get_mut(key).unwrap().state = State::Done(Completion { res: 0, flags: 0 });
    assert!(!cancel::came_too_early(key, -libc::ENOENT, &mut inflight));
    drop(inflight.release(key));
    assert!(!cancel::came_too_early(key, -libc::EALREADY, &mut inflight));
}

#[test]
fn slots_that_go_with_operations_in_flight_free_none_of_their_memory() {
    struct Told(Rc<Cell<bool>>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    impl Orphan for Told {
        fn settle(&mut self) -> Option<Box<dyn std::any::Any>> {
            None
        }
        fn discard(self: Box<Self>, _: SideBytes, _: io::Result<u32>) {}
    }
    let dropped = Rc::new(Cell::new(false));
    let mut inflight = Inflight::new();
    let (key, _) = inflight.reserve(META, None, Waker::noop().clone());
    let orphan = Box::new(Told(dropped.clone()));
    inflight.slots.get_mut(key).unwrap().state = State::Orphaned(orphan);
    drop(inflight);
    assert!(!dropped.get());
}

#[test]
fn a_completion_of_an_unknown_operation_is_counted_and_harmless() {
    let mut driver = Driver::new(&ExecutorConfig::new(), 0, &PAGE).unwrap();
    let stale = Token::new(
        Kind::Operation,
        Key {
            index: 7,
            generation: 9,
        },
    );
    for user_data in [stale.as_u64(), 0] {
        // SAFETY: the entry points to nothing.
        unsafe { driver.push(opcode::Nop::new().build().user_data(user_data)) };
    }
    let mut out = Vec::new();
    while driver.notices.strays < 2 {
        assert_eq!(driver.enter(true, None).errno, 0);
        driver.reap(&mut out);
    }
    assert!(out.is_empty());
}

#[test]
fn a_ring_works_without_a_registered_descriptor_when_the_thread_has_no_place_left() {
    std::thread::spawn(|| {
        let mut rings: Vec<Ring> = (0..18).map(|_| Ring::new(4, false).unwrap()).collect();
        let registered = rings.iter().filter(|ring| ring.is_registered()).count();
        assert_eq!(registered, 16);
        for ring in &mut rings {
            // SAFETY: the entry points to nothing.
            assert!(unsafe { ring.push(&opcode::Nop::new().build().user_data(5)) });
            assert_eq!(ring.enter(1, None), Entered { ret: 1, errno: 0 });
            let mut seen = Vec::new();
            ring.reap(|user_data, res, _| seen.push((user_data, res)));
            assert_eq!(seen, [(5, 0)]);
        }
        // Their places are free again.
        drop(rings);
        assert!(Ring::new(4, false).unwrap().is_registered());
    })
    .join()
    .unwrap();
}

#[test]
fn a_forked_child_touches_no_ring_and_is_told() {
    let mut driver = Driver::new(&ExecutorConfig::new(), 0, &PAGE).unwrap();
    // SAFETY: the entry points to nothing.
    let push = |driver: &mut Driver| unsafe {
        driver.push(
            opcode::Nop::new()
                .build()
                .user_data(Token::bare(Kind::Alarm).as_u64()),
        )
    };
    let status = sys::in_child(|| {
        assert!(driver.is_forked());
        push(&mut driver);
        assert_eq!(driver.backlog.len(), 1);
        assert!(!driver.close(1_000_000));
        let error = driver.enter(true, None).fatal().unwrap();
        assert!(error.to_string().contains("forked"), "{error}");
        assert_eq!(driver.reap(&mut Vec::new()), 0);
        driver.shut();
        0
    });
    assert_eq!(status, 0);
    // The parent's queue has one entry, its own.
    assert!(!driver.is_forked());
    push(&mut driver);
    assert_eq!(driver.queued(), 1);
    assert_eq!(driver.enter(true, None), Entered { ret: 1, errno: 0 });
    assert_eq!(driver.reap(&mut Vec::new()), 1);
    assert!(Birth::here().unwrap().is_here());
}

#[test]
fn a_wait_with_entries_that_do_not_fit_does_not_sleep() {
    let mut driver = Driver::new(&ExecutorConfig::new().ring_depth(1), 0, &PAGE).unwrap();
    let (reader, mut writer) = io::pipe().unwrap();
    let mut byte = [0_u8];
    let poll = opcode::Read::new(
        types::Fd(std::os::fd::AsRawFd::as_raw_fd(&reader)),
        byte.as_mut_ptr(),
        1,
    );
    // SAFETY: the byte outlives the read, which ends below.
    unsafe { driver.push(poll.build()) };
    // SAFETY: the entry points to nothing.
    unsafe { driver.push(opcode::Nop::new().build()) };
    // Would sleep for ever with the second entry at home.
    driver.enter(true, None);
    driver.enter(true, None);
    let mut out = Vec::new();
    assert_eq!(driver.reap(&mut out), 1);
    writer.write_all(b"x").unwrap();
    while driver.reap(&mut out) == 0 {
        driver.enter(true, None);
    }
    let _ = pin!(byte);
}

#[test]
fn an_alarm_is_seen_without_an_enter_and_can_then_be_set_again() {
    let mut driver = Driver::new(&ExecutorConfig::new(), 0, &PAGE).unwrap();
    for _ in 0..2 {
        if !driver.set_alarm(std::time::Duration::from_millis(5)) {
            // A kernel without deferred completions, where there is no such flag.
            assert!(!driver.ring.as_ref().unwrap().rung().defers());
            return;
        }
        assert!(driver.is_alarm_set() && !driver.is_drained());
        assert_eq!(driver.enter(false, None).errno, 0);
        while driver.look() == Look::Nothing {
            std::hint::spin_loop();
        }
        assert_eq!(driver.look(), Look::Enter);
        assert_eq!(driver.enter(false, None).errno, 0);
        assert_eq!(driver.reap(&mut Vec::new()), 1);
        assert!(driver.is_drained());
    }
}
