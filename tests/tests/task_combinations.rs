//! Every way in which a task can end, with every way of waiting for it.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use io2::ExecutorConfig;

/// What the future does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// Is ready at the first poll.
    Ready,
    /// Is ready at the second poll, for which it asks.
    ReadyLater,
    /// Is never ready, and asks for no poll.
    Never,
    Panics,
    PanicsLater,
}

/// Which drops panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drops {
    Well,
    FuturePanics,
    OutputPanics,
}

/// When the task is asked to be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Abort {
    No,
    BeforeFirstPoll,
    AfterFirstPoll,
    AfterSecondPoll,
    /// By itself, within its first poll.
    Within,
}

/// What becomes of the handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    /// Joined at once.
    AtOnce,
    /// Joined when it has had the time to end.
    Later,
    /// Joined by a task other than the spawner, from the start.
    ByAnother,
    /// Polled once here, and then joined elsewhere: the last waker counts.
    Moved,
    DroppedAtOnce,
    DroppedLater,
    /// Kept until the executor is gone.
    Kept,
}

const DOES: [Does; 5] = [
    Does::Ready,
    Does::ReadyLater,
    Does::Never,
    Does::Panics,
    Does::PanicsLater,
];
const DROPS: [Drops; 3] = [Drops::Well, Drops::FuturePanics, Drops::OutputPanics];
const ABORTS: [Abort; 5] = [
    Abort::No,
    Abort::BeforeFirstPoll,
    Abort::AfterFirstPoll,
    Abort::AfterSecondPoll,
    Abort::Within,
];
const JOINS: [Join; 7] = [
    Join::AtOnce,
    Join::Later,
    Join::ByAnother,
    Join::Moved,
    Join::DroppedAtOnce,
    Join::DroppedLater,
    Join::Kept,
];

#[derive(Default)]
struct Counts {
    polls: Cell<usize>,
    futures_dropped: Cell<usize>,
    outputs_made: Cell<usize>,
    outputs_dropped: Cell<usize>,
}

fn add(count: &Cell<usize>) {
    count.set(count.get() + 1);
}

struct Work {
    does: Does,
    drops: Drops,
    counts: Rc<Counts>,
    own: Rc<Cell<Option<io2::AbortHandle>>>,
}

struct Output {
    counts: Rc<Counts>,
    panics: bool,
}

impl Future for Work {
    type Output = Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        add(&self.counts.polls);
        if let Some(own) = self.own.take() {
            own.abort();
        }
        let first = self.counts.polls.get() == 1;
        match self.does {
            Does::Never => return Poll::Pending,
            Does::ReadyLater | Does::PanicsLater if first => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Does::Panics | Does::PanicsLater => panic!("on purpose: the poll"),
            Does::Ready | Does::ReadyLater => {}
        }
        add(&self.counts.outputs_made);
        Poll::Ready(Output {
            counts: self.counts.clone(),
            panics: self.drops == Drops::OutputPanics,
        })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        add(&self.counts.futures_dropped);
        if self.drops == Drops::FuturePanics {
            panic!("on purpose: the future");
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        add(&self.counts.outputs_dropped);
        if self.panics && !std::thread::panicking() {
            panic!("on purpose: the output");
        }
    }
}

/// How a task ended, as its handle tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Output,
    Panic,
    Cancelled,
}

fn told(result: Result<Output, io2::JoinError>) -> Ended {
    match result {
        Ok(output) => {
            // Its drop may panic: that is the caller's.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(output)));
            Ended::Output
        }
        Err(error) if error.is_panic() => Ended::Panic,
        Err(error) => {
            assert!(error.is_cancelled());
            Ended::Cancelled
        }
    }
}

/// How a task must end that gets all the time it wants.
fn expected(does: Does, drops: Drops, abort: Abort) -> Ended {
    let polls = match does {
        Does::Ready | Does::Panics => 1,
        Does::ReadyLater | Does::PanicsLater => 2,
        Does::Never => usize::MAX,
    };
    let allowed = match abort {
        Abort::No => usize::MAX,
        Abort::BeforeFirstPoll => 0,
        // The poll that it asked for comes first in the queue, but the request is looked at then.
        Abort::AfterFirstPoll | Abort::Within => 1,
        Abort::AfterSecondPoll => 2,
    };
    if polls > allowed || does == Does::Never {
        // Never comes to an end by itself: the executor's end cancels it.
        return if drops == Drops::FuturePanics {
            Ended::Panic
        } else {
            Ended::Cancelled
        };
    }
    match does {
        Does::Panics | Does::PanicsLater => Ended::Panic,
        _ if drops == Drops::FuturePanics => Ended::Panic,
        _ => Ended::Output,
    }
}

fn check(does: Does, drops: Drops, abort: Abort, join: Join) {
    let counts = Rc::new(Counts::default());
    let own = Rc::new(Cell::new(None));
    let work = Work {
        does,
        drops,
        counts: counts.clone(),
        own: own.clone(),
    };
    let mut kept = None;
    let mut ended = None;
    ExecutorConfig::new()
        .ring_depth(1)
        .run(async {
            let handle = io2::spawn(work);
            let aborter = handle.abort_handle();
            if abort == Abort::Within {
                own.set(Some(handle.abort_handle()));
            }
            if abort == Abort::BeforeFirstPoll {
                aborter.abort();
            }
            // Never would be waited for in vain.
            let endless = does == Does::Never && abort == Abort::No;
            let mut joiner = None;
            let mut waiting = None;
            match join {
                Join::DroppedAtOnce => drop(handle),
                Join::ByAnother => joiner = Some(io2::spawn(async { told(handle.join().await) })),
                Join::Moved => {
                    let mut handle = handle;
                    std::future::poll_fn(|cx| {
                        assert!(Pin::new(&mut handle).poll(cx).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                    joiner = Some(io2::spawn(async { told(handle.join().await) }));
                }
                _ => waiting = Some(handle),
            }
            io2::yield_now().await;
            if abort == Abort::AfterFirstPoll {
                aborter.abort();
            }
            if join == Join::AtOnce && !endless && abort != Abort::AfterSecondPoll {
                ended = Some(told(waiting.take().unwrap().join().await));
            }
            io2::yield_now().await;
            if abort == Abort::AfterSecondPoll {
                aborter.abort();
            }
            for _ in 0..3 {
                io2::yield_now().await;
            }
            assert_eq!(aborter.is_finished(), !endless);
            if endless {
                kept = waiting.take();
                drop(joiner);
                return;
            }
            match join {
                Join::AtOnce | Join::Later => {
                    if let Some(handle) = waiting.take() {
                        assert!(handle.is_finished());
                        ended = Some(told(handle.join().await));
                    }
                }
                Join::ByAnother | Join::Moved => ended = Some(joiner.take().unwrap().await),
                Join::DroppedLater => {
                    let handle = waiting.take();
                    let dropped = catch_unwind(AssertUnwindSafe(|| drop(handle)));
                    // An output that nobody has taken is dropped here.
                    let output = expected(does, drops, abort) == Ended::Output;
                    assert_eq!(dropped.is_err(), output && drops == Drops::OutputPanics);
                }
                Join::DroppedAtOnce => {}
                Join::Kept => kept = waiting.take(),
            }
            // Asked again, after the end: nothing happens.
            aborter.abort();
            io2::yield_now().await;
        })
        .unwrap();
    if let Some(handle) = kept {
        assert!(handle.is_finished());
        let joined = ExecutorConfig::new().ring_depth(1).run(handle.join());
        ended = Some(told(joined.unwrap()));
    }
    if let Some(ended) = ended {
        assert_eq!(ended, expected(does, drops, abort));
    }
    assert_eq!(counts.futures_dropped.get(), 1, "futures dropped");
    assert_eq!(
        counts.outputs_dropped.get(),
        counts.outputs_made.get(),
        "outputs dropped"
    );
    assert!(counts.polls.get() <= 2);
    if abort == Abort::BeforeFirstPoll {
        assert_eq!(counts.polls.get(), 0);
    }
}

#[test]
fn a_task_ends_once_and_is_told_right_in_every_combination() {
    // The panics are on purpose: nobody wants to read of hundreds.
    std::panic::set_hook(Box::new(|_| {}));
    let mut wrong = Vec::new();
    let mut all = 0;
    for does in DOES {
        for drops in DROPS {
            for abort in ABORTS {
                for join in JOINS {
                    all += 1;
                    let checked =
                        catch_unwind(AssertUnwindSafe(|| check(does, drops, abort, join)));
                    if let Err(payload) = checked {
                        let text = payload
                            .downcast::<String>()
                            .map_or_else(|_| "?".to_owned(), |text| *text);
                        wrong.push(format!("{does:?} {drops:?} {abort:?} {join:?}: {text}"));
                    }
                }
            }
        }
    }
    drop(std::panic::take_hook());
    assert_eq!(all, 525);
    assert!(wrong.is_empty(), "{}: {wrong:#?}", wrong.len());
}
