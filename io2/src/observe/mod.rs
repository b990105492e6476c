//! What can be seen: the spans and events of the runtime.
//!
//! io2 tells what it does by [`tracing`](https://docs.rs/tracing): every poll of a task, every
//! submission to the kernel, every completion and every call into the kernel is a span, and a task
//! that holds its core for longer than its slice is a warning with its name, the place where it was
//! spawned, and the time. What is listed here is public API: names, targets, levels and fields stay
//! as they are, and more may be added.
//!
//! # Where it goes
//!
//! Spans and events go to the `tracing` subscriber of the thread, if the program has set one. All
//! spans have the level TRACE, so a subscriber that asks for less sees only events. The target
//! selects what is wanted, for example `io2::preempt=warn` or `io2::submit=trace`.
//!
//! When the process has never set a subscriber, warnings and errors go to the
//! [`log`](https://docs.rs/log) facade, as one line each, under the same target: whoever uses only
//! `log` misses none of them.
//!
//! # Spans
//!
//! | target | name | kind | fields |
//! |---|---|---|---|
//! | `io2::task` | `runtime.spawn` | span TRACE | `kind`, `task.id`, `task.name`, `size.bytes`, `loc.file`, `loc.line`, `loc.col`, `rt.id` |
//! | `io2::poll` | `poll` | span TRACE | `task.id`, `poll.seq`, `wake_delay_us`, `ready`, `busy_us` |
//! | `io2::submit` | `submit` | span TRACE | `op.id`, `op.code`, `fd`, `len`, `off`, `task.id`, `ring` |
//! | `io2::complete` | `complete` | span TRACE | `op.id`, `op.code`, `res`, `flags`, `more`, `latency_us` |
//! | `io2::ring` | `enter` | span TRACE | `rt.id`, `sqes`, `wait`, `timeout_us`, `ret`, `errno`, `cqes`, `blocked_us` |
//!
//! - `runtime.spawn`: one for each task, without a parent, from its spawn to its end, and entered
//!   around each of its polls. `kind` is `task`, `block_on` (the future given to `run`) or
//!   `blocking`; `size.bytes` is the size of the future; `loc.*` is where it was spawned. The name
//!   and the fields are those that tokio-console looks for.
//! - `poll`: entered around one poll, inside the span of the task, so that what the task does is
//!   inside both. `poll.seq` counts the polls of the task; `wake_delay_us` is the time from the wake
//!   to the poll. When the poll returns, `ready` says whether the task is done and `busy_us` how
//!   long the poll took; both stay absent when it panicked.
//! - `submit`: entered around one entry of the submission queue. `op.id` is the operation's, the
//!   same as in its completions; `fd` is -1 for none; `task.id` is the task that it is done for,
//!   0 for none; `ring` is `main` or `polled`. The runtime's own entries (`cancel`; `close` of what
//!   was dropped; `wakeup`, which waits for other threads) come together, right before the call
//!   that submits them.
//! - `complete`: entered around one completion, while the waker of the operation runs. `res` is the
//!   result or a negated error code; `more` says that further completions of the operation follow.
//! - `enter`: entered around one call into the kernel, which submits `sqes` entries and waits for
//!   `wait` completions, for `timeout_us` at most. Afterwards: what it returned, its error code or
//!   0, the completions then there, and how long it took.
//!
//! # Events
//!
//! | target | name | kind | fields |
//! |---|---|---|---|
//! | `io2::task` | `task.end` | event DEBUG | `task.id`, `task.name`, `outcome`, `polls`, `busy_us`, `max_poll_us` |
//! | `io2::task` | `task.panic` | event ERROR | `task.id`, `task.name`, `outcome`, `loc.file`, `loc.line`, `loc.col` |
//! | `io2::task` | `local.leak` | event ERROR | `what` |
//! | `io2::op` | `op.orphan` | event DEBUG | `op.id`, `op.code`, `fd`, `res` |
//! | `io2::op` | `op.stuck` | event WARN | `op.id`, `op.code`, `fd`, `age_ms`, `task.id`, `loc.file`, `loc.line`, `loc.col` |
//! | `io2::preempt` | `preempt.overrun` | event WARN | `rt.id`, `task.id`, `task.name`, `loc.file`, `loc.line`, `loc.col`, `budget_us`, `elapsed_us`, `overrun_us`, `cpu_us`, `phase`, `state`, `syscall`, `victims`, `max_victim_delay_us`, `starved`, `stack`, `suppressed` |
//! | `io2::preempt` | `preempt.suppressed` | event WARN | `count`, `window_s` |
//! | `io2::ring` | `ring.sq_full` | event DEBUG | `rt.id`, `depth`, `inflight`, `count` |
//! | `io2::ring` | `ring.busy` | event DEBUG | `rt.id`, `depth`, `inflight`, `count` |
//! | `io2::ring` | `ring.overflow` | event WARN | `rt.id`, `depth`, `inflight`, `count` |
//! | `io2::ring` | `buf.exhausted` | event WARN | `rt.id`, `depth`, `inflight`, `group`, `count` |
//! | `io2::ring` | `ring.poll_fallback` | event INFO | `dev`, `reason` |
//! | `io2::rt` | `rt.start` | event INFO | `rt.id`, `rt.name`, `cpu`, `depth`, `preempt_us`, `kernel`, `setup.flags` |
//! | `io2::rt` | `rt.stop` | event INFO | `rt.id`, `inflight`, `drained`, `dur_ms` |
//! | `io2::rt` | `rt.leak` | event ERROR | `rt.id`, `ops`, `bytes` |
//! | `io2::rt` | `rt.advice` | event WARN | |
//! | `runtime::waker` | `waker` | event TRACE | `op`, `task.id` |
//! | `io2::dashboard` | `dashboard` | event INFO | `url` |
//! | `io2::dashboard` | `dashboard.failed` | event WARN | `addr`, `error` |
//!
//! Every event also has a `message`, a sentence for people; its wording may change.
//!
//! - `task.end`: `outcome` is `completed`, `cancelled` or `panicked`; `busy_us` is the time in all polls
//!   together, `max_poll_us` the longest one. In the span of the task.
//! - `task.panic`: a task that nobody waits for has panicked. In the span of the task.
//! - `local.leak`: what [`compat::local`](crate::compat::local) keeps to its thread was dropped on
//!   another one, and is leaked; `what` is its type.
//! - `op.orphan`: the future of an operation was dropped before its completion; `res` is present
//!   when the event is about that late completion.
//! - `op.stuck`: the cancellation of an operation was asked for, and a second later, or when the executor ends
//!   and `shutdown_timeout` is over, the kernel has not ended it. It is looked for when completions are; each is told
//!   once. `age_ms` is the time since the cancellation; `loc.*` is where the task was spawned, absent if it has ended.
//! - `preempt.overrun`: a poll took longer than the slice, `preempt_duration`. `elapsed_us` is
//!   how long it took, `budget_us` the slice, `overrun_us` the difference; `phase` is `after` for a
//!   poll that has returned, and `during` for one that the watchdog sees running: at twice the slice,
//!   and whenever that has doubled. `cpu_us` is how much of it the thread had a processor, `state`
//!   whether it was `running` or `blocked` in the kernel when the watchdog looked, and `syscall` in which
//!   system call; all three stay absent where the watchdog did not look. `victims` counts the tasks that
//!   were ready meanwhile, and `max_victim_delay_us` is how long the first of them waited. `starved` is
//!   true when the poll was long only since the thread had to wait for a processor: such a one is not
//!   counted. `stack` lists functions and lines, innermost first, with `stall_stack`. In the span of the
//!   task. At most five a minute come from one executor; `suppressed` says how many before this one were
//!   not reported, and `preempt.suppressed` the same where none followed. When the whole process stood
//!   still, stopped or suspended, that is no overrun.
//! - `ring.*`: pressure between the program and the kernel. Nothing is ever lost by it; where it is
//!   frequent, a larger `ring_depth` helps. `count` is how often it happened since the last such
//!   event; `ring.overflow` comes when the number has doubled.
//! - `buf.exhausted`: a receive found no buffer in the pool that the executor's receives share, which has `depth`
//!   of them, and waits for one; `count` is how often that was, and it is told when that has doubled.
//! - `rt.leak`: operations outlived `shutdown_timeout`, so what the kernel may still touch is
//!   leaked instead of freed.
//! - `rt.advice`: something on this machine keeps the runtime from its best, and what to do.
//! - `waker`: with the feature `console`, what is done with the waker of a task, as tokio-console reads it: `op` is
//!   `waker.clone`, `waker.drop`, `waker.wake` (which is a drop, too) or `waker.wake_by_ref`, and `task.id` is here the
//!   number that the subscriber gave to the span of the task. The wakers of tasks that have ended are not told of,
//!   nor are clones and drops on other threads than the executor's. A wake by another thread is told when the
//!   executor learns of it, as `waker.wake_by_ref`; several that come together may be told as one.
//! - `dashboard`: the address of the dashboard, with the token that it asks for; whoever reads it may look. It
//!   goes to `log`, too. [`dashboard_url`] gives the same.
//! - `dashboard.failed`: the variable `IO2_DASHBOARD` asks for a dashboard, and there is none.
//!
//! Fields are numbers, booleans and strings, never formatted text. Names that end in `_us`, `_ms`
//! and `_s` are whole microseconds, milliseconds and seconds. A field whose value is not known is
//! absent. Ids are numbers that are never used twice in a process.
//!
//! # What a subscriber may do
//!
//! Anything: it may take its time, and it may call the runtime, since it is never called while
//! the runtime is in the middle of something. What it makes the runtime do is not traced again. If
//! it panics, the panic goes no further than to the panic hook.
//!
//! # What it costs
//!
//! While no subscriber asks for TRACE, each place where a span would be made is one load and one
//! branch. Without the feature `tracing` the places are gone.
//!
//! # Counters and dumps
//!
//! [`stats()`](crate::stats) counts what an executor does, and [`executors`] tells it of all executors of the
//! process, from any thread, also of one that is stuck. [`dump()`](crate::dump) lists the tasks of an executor
//! with what each is waiting for. [`overruns`] keeps the last polls that took too long. [`metrics()`] says the
//! counters in the text format of Prometheus, for a program with such a page of its own; alerts and a dashboard for
//! Grafana are in the directory `contrib` of the repository.
//!
//! # OpenTelemetry
//!
//! What goes to a subscriber can go on to a collector, by the crates `tracing-opentelemetry` for spans and
//! `opentelemetry-appender-tracing` for events. The example `opentelemetry` does so by OTLP over HTTP, from
//! threads of OpenTelemetry's own, without another runtime: `preempt.overrun` comes as a log with all its fields, and, where
//! the target `io2::task` is let through at TRACE, on the span of the task as well. That span is told of when the task
//! ends, the log at once.
//!
//! # Recordings
//!
//! [`record()`] writes down for a while what all executors do: each poll, each operation from its submission to its
//! completion and the poll that this led to, calls into the kernel, and overruns with their stacks. The file that
//! [`Recording::save`] writes is opened by <https://ui.perfetto.dev>, which works on it within the browser.
//!
//! # The dashboard
//!
//! With the feature `dashboard` a process shows all of this in a browser, while it happens: by
//! [`ExecutorConfig::dashboard`](crate::ExecutorConfig::dashboard), by `#[io2::main(dashboard = "127.0.0.1:7070")]`, or,
//! with no change to the program, by the environment variable `IO2_DASHBOARD=127.0.0.1:7070`, which then also
//! writes the address to the standard error output. It answers while an executor is stuck, since it has a thread, an
//! executor and a ring of its own, which are not shown.
//!
//! Whoever wants to look needs the token that is in the address: `?token=` in each request, or the header
//! `authorization: Bearer`. It is new for each process, unless the environment variable `IO2_DASHBOARD_TOKEN` fixes it,
//! for scrapers, say. On a loopback address, requests under names of other hosts are refused, so that no
//! web page of somebody else's gets at it. There is no TLS: to look from another machine, forward the port by `ssh -L`.
//!
//! - `/`: the page.
//! - `/events`: server-sent events. `snapshot` has the counters of all executors, each second; `overrun` comes when a
//!   poll takes too long.
//! - `/tasks`: the tasks and operations of each executor as JSON, 10,000 of each at most. Executors are asked between
//!   two turns; of one that is stuck it gives the last answer, its age, and the poll that is stuck.
//! - `/trace?secs=5`: a recording of so many seconds, 30 at most, as a trace that <https://ui.perfetto.dev> opens.
//! - `/metrics`: [`metrics()`] for Prometheus, or [`open_metrics`] for who accepts it; with the operations in flight by
//!   name, of executors that have been asked for their tasks in the last minute.
//!
//! At most 128 connections are served at a time, and one that takes nothing for ten seconds is closed; one that goes on
//! taking, by a slow line, is not. The dashboard stays as long as the process.

#[doc = include_str!("guide.md")]
pub mod guide {}

pub(crate) mod dashboard;
pub(crate) mod metrics;
pub(crate) mod record;
pub(crate) mod stats;

pub use self::dashboard::dashboard_url;
pub use self::metrics::{metrics, open_metrics};
pub use self::record::{Recorder, Recording, record};
pub use self::stats::{Running, Stats, executors, watch};
pub use crate::executor::dump::{Dump, OperationDump, TaskDump, TaskState};
pub use crate::executor::overrun::overruns;
pub use crate::page::{Histogram, Watching};
pub use crate::trace::{Frame, Overrun};
