//! The works: what is done, how often, and by whom.

mod channels;
mod data;
mod files;
mod fio;
mod raw_files;
mod tasks;
mod timers;
mod wakes;

pub use data::{BLOCK, Data, VARIABLE};

use crate::sample::Sample;

/// So many units of a work, in one peer.
pub type Run = fn(u64) -> Sample;

/// One figure of a sample, and how it is shown. All are such that less is better.
pub struct Column {
    pub key: &'static str,
    pub title: &'static str,
    pub digits: usize,
}

const fn column(key: &'static str, title: &'static str, digits: usize) -> Column {
    Column { key, title, digits }
}

/// Ratios are those of the first figure.
const COST: &[Column] = &[
    column("cpu_ns", "CPU ns", 0),
    column("wall_ns", "wall ns", 0),
];
const WALL: &[Column] = &[
    column("wall_ns", "wall ns", 0),
    column("cpu_ns", "CPU ns", 0),
];
const WALL_ONLY: &[Column] = &[column("wall_ns", "wall ns", 0)];
const DELAY: &[Column] = &[column("p50_us", "p50 µs", 1), column("p99_us", "p99 µs", 1)];
const START: &[Column] = &[
    column("cpu_us", "CPU µs", 0),
    column("wall_us", "wall µs", 0),
];
const CPU: &[Column] = &[column("cpu_us", "CPU µs", 0)];
const BYTES: &[Column] = &[column("bytes", "bytes", 0)];

/// One kind of work.
pub struct Work {
    pub group: &'static str,
    pub name: &'static str,
    /// What is counted, and what a reader must know.
    pub about: &'static str,
    pub columns: &'static [Column],
    /// How many units are measured in a round.
    pub units: u64,
    /// Done in each round whose number is a multiple of this.
    pub every: usize,
    pub peers: &'static [(&'static str, Run)],
}

/// One measurement, in this process.
pub fn measure(work: &str, peer: &str, quick: bool) -> Option<Sample> {
    let work = WORKS.iter().find(|known| known.name == work)?;
    let (_, run) = work.peers.iter().find(|(known, _)| *known == peer)?;
    Some(run(if quick { work.units / 4 } else { work.units }))
}

/// Prints what was measured, and ends the process as it is: tasks that never end are left where they stand.
pub fn deliver(sample: &Sample) -> ! {
    use std::io::Write;
    let written = writeln!(std::io::stdout(), "{sample}");
    // SAFETY: what was printed ends with a line, so it is not in a buffer any more; nothing else must be kept.
    unsafe { libc::_exit(i32::from(written.is_err())) }
}

macro_rules! by {
    ($work:ident; $($($module:ident)::+),+ $(,)?) => {
        &[$(($($module)::+::NAME, $($module)::+::$work as Run)),+]
    };
}

macro_rules! in_tasks {
    ($work:ident) => {
        by!($work; tasks::raw, tasks::io2, tasks::io2_off, tasks::tokio, tasks::tokio_uring, tasks::monoio,
            tasks::glommio, tasks::compio, tasks::smol, tasks::kimojio)
    };
}

macro_rules! in_channels {
    ($work:ident) => {
        by!($work; channels::raw, channels::io2, channels::io2_with_tokio_channel,
            channels::io2_with_local_sync, channels::io2_with_async_channel, channels::tokio,
            channels::tokio_uring, channels::monoio, channels::glommio, channels::compio, channels::smol,
            channels::kimojio)
    };
}

macro_rules! in_timers {
    ($work:ident) => {
        by!($work; timers::raw, timers::io2, timers::tokio, timers::tokio_uring, timers::monoio,
            timers::glommio, timers::compio, timers::smol, timers::kimojio)
    };
}

macro_rules! in_wakes {
    ($work:ident) => {
        by!($work; wakes::io2, wakes::tokio, wakes::tokio_uring, wakes::glommio, wakes::compio, wakes::smol)
    };
}

macro_rules! in_no_ops {
    ($work:ident) => {
        by!($work; raw_files::no_ops, files::no_ops::io2, files::no_ops::tokio_uring, files::no_ops::monoio,
            files::no_ops::monoio_tuned, files::no_ops::glommio, files::no_ops::compio,
            files::no_ops::kimojio)
    };
}

macro_rules! in_reads {
    ($work:ident) => {
        by!($work; raw_files::cached, raw_files::registered, files::reads::io2, files::reads::io2_registered,
            files::reads::tokio, files::reads::tokio_uring, files::reads::monoio,
            files::reads::monoio_tuned, files::reads::glommio, files::reads::compio, files::reads::smol,
            files::reads::kimojio, fio::cached)
    };
}

macro_rules! in_direct {
    ($work:ident) => {
        by!($work; raw_files::direct, files::reads::io2_direct, files::reads::glommio_direct, fio::direct)
    };
}

macro_rules! works {
    ($($group:literal { $($name:literal, $about:expr, $columns:ident, $units:literal $(/ $every:literal)?
        => $peers:expr;)+ })+) => {
        /// All of them.
        pub const WORKS: &[Work] = &[$($(Work {
            group: $group,
            name: $name,
            about: $about,
            columns: $columns,
            units: $units,
            every: { 1 $(* $every)? },
            peers: $peers,
        }),+),+];
    };
}

const YIELD: &str = "A yield. monoio and compio have none: the task wakes itself.";
const MESSAGE: &str = "A message of 8 bytes, from one task to another. raw is a queue without tasks. monoio, compio \
    and kimojio use local-sync's channel, smol async-channel's, tokio-uring tokio's.";
const THREAD: &str = "monoio is not among them, since its wakers cross threads only with a feature that changes the \
    rest, nor is kimojio, whose wakers must not leave their thread.";
const NO_OP: &str = "An operation that does nothing. monoio, glommio and compio have none: they read a byte of \
    /dev/null.";
const READ: &str = "4 KiB at a random place of a file of 256 MiB that is in the page cache; each task has one read in \
    flight, and looks whether it got the right block. tokio and smol have pools of threads for that. fio is \
    another program: it verifies nothing, and its time is measured to the millisecond.";
const DIRECT: &str = "4 KiB at a random place of a file of 256 MiB, past the page cache. What the disk takes is in it.";

works! {
    "Tasks" {
        "spawn and join 1,000", "A task that is spawned, with others, and then joined.", COST, 400_000
            => in_tasks!(spawn_1000);
        "spawn and join one by one", "A task that is spawned and joined at once.", COST, 400_000
            => in_tasks!(spawn_1);
        "yield, 2 tasks", YIELD, COST, 2_000_000 => in_tasks!(yield_2);
        "yield, 1,000 tasks", YIELD, COST, 2_000_000 => in_tasks!(yield_1000);
        "idle task", "Memory of a task that waits, and of its handle, of 10,000.", BYTES, 10_000
            => in_timers!(idle_task);
    }
    "Channels" {
        "channel with room for 128", MESSAGE, COST, 2_000_000 => in_channels!(room_128);
        "channel with room for 1", MESSAGE, COST, 500_000 => in_channels!(room_1);
    }
    "Timers" {
        "100,000 sleeps", "A task that sleeps 0 to 100 ms, of 100,000 at once.", COST, 100_000
            => in_timers!(sleeps);
        "timer dropped", "A timer that is made, polled once and dropped.", COST, 500_000
            => in_timers!(dropped);
        "idle task with a timer", "Memory of a task that sleeps, of 10,000.", BYTES, 10_000
            => in_timers!(idle_timer);
        "lateness", "By how much a sleep of 1 ms is too long.", DELAY, 100 => in_timers!(lateness);
        "idle", "CPU time in 5 s without work, of the whole process.", CPU, 5_000 / 5 => in_timers!(idle);
    }
    "Other threads" {
        "wake while asleep", THREAD, DELAY, 2_000 => in_wakes!(asleep);
        "wake 1,000 tasks", THREAD, WALL_ONLY, 200_000 => in_wakes!(many);
    }
    "The executor" {
        "start and end", "An executor that runs a future that is ready, from its making to its end.", START, 100
            => in_timers!(start_up);
    }
    "Operations" {
        "no-op, depth 1", NO_OP, COST, 100_000 => in_no_ops!(depth_1);
        "no-op, depth 32", NO_OP, COST, 400_000 => in_no_ops!(depth_32);
        "cached read, depth 1", READ, COST, 60_000 => in_reads!(depth_1);
        "cached read, depth 32", READ, COST, 100_000 => in_reads!(depth_32);
        "cached read, depth 128", READ, COST, 100_000 => in_reads!(depth_128);
    }
    "The disk" {
        "direct read, depth 1", DIRECT, WALL, 1_000 => in_direct!(depth_1);
        "direct read, depth 32", DIRECT, WALL, 5_000 => in_direct!(depth_32);
        "direct read, depth 128", DIRECT, WALL, 5_000 => in_direct!(depth_128);
        "direct read of 1 MiB", "One after the other.", WALL, 100
            => by!(read_long; raw_files::longs, files::longs);
        "direct write of 1 MiB", "One after the other, to a new file.", WALL, 100
            => by!(write_long; raw_files::longs, files::longs);
        "append and sync", "4 KiB that are on the disk before the next. raw links the two operations.", WALL, 100
            => by!(append_blocks; raw_files::appends, files::appends::io2, files::appends::tokio_uring,
                files::appends::monoio, files::appends::compio);
    }
}
