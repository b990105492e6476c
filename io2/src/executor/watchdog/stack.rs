//! Where a poll is that does not end: its thread is interrupted, and tells.
//!
//! The handler runs in the middle of anything, so it does next to nothing: it follows the frame pointers of the
//! interrupted code and stores what it finds. It allocates nothing, takes no lock, and reads only its own stack.

use std::ffi::c_void;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::clock;
use crate::executor::remote::{self, Slot};
use crate::sys::{self, signal::Registers};
use crate::trace::{self, Frame};

/// Nobody is harmed by this one: unless it is handled, it is ignored.
const SIGNAL: i32 = libc::SIGURG;

const FRAMES_MAX: usize = 64;
const WORD: usize = size_of::<usize>();

/// How long the thread may take to react. One that waits for a device does not.
const PATIENCE: Duration = Duration::from_millis(100);
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// So many bytes before an address belong to the instruction before it, at least.
const LINE_BEFORE: usize = 16;

/// What the handler needs to know, and what it finds.
pub(crate) struct Trap {
    /// The thread that may be interrupted, and the bounds of its stack.
    thread: AtomicI32,
    bottom: AtomicUsize,
    top: AtomicUsize,
    /// The poll that is to be looked at, or 0.
    wanted: AtomicU64,
    /// The poll that was looked at last.
    found: AtomicU64,
    len: AtomicUsize,
    frames: [AtomicUsize; FRAMES_MAX],
}

impl Trap {
    pub(super) const fn new() -> Trap {
        Trap {
            thread: AtomicI32::new(0),
            bottom: AtomicUsize::new(0),
            top: AtomicUsize::new(0),
            wanted: AtomicU64::new(0),
            found: AtomicU64::new(0),
            len: AtomicUsize::new(0),
            frames: [const { AtomicUsize::new(0) }; FRAMES_MAX],
        }
    }

    /// Lets the calling thread be interrupted.
    pub(crate) fn arm(&self) {
        static INSTALLED: AtomicBool = AtomicBool::new(false);
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| match sys::signal::install(SIGNAL, interrupted) {
            Ok(()) => INSTALLED.store(true, Ordering::Relaxed),
            Err(error) => trace::advice(format_args!(
                "stall_stack is off: SIGURG cannot be handled ({error})"
            )),
        });
        let Some(stack) = sys::signal::stack() else {
            return;
        };
        if INSTALLED.load(Ordering::Relaxed) {
            self.bottom.store(stack.start, Ordering::Relaxed);
            self.top.store(stack.end, Ordering::Relaxed);
            self.thread.store(sys::thread_id(), Ordering::Release);
        }
    }

    /// The thread is not to be interrupted any more.
    pub(crate) fn disarm(&self) {
        self.thread.store(0, Ordering::Release);
    }

    /// The functions in which a poll is, innermost first. None if the poll ends meanwhile, or if the thread does
    /// not react.
    pub(super) fn take(&self, poll: u64) -> Vec<Frame> {
        let thread = self.thread.load(Ordering::Acquire);
        if thread == 0 {
            return Vec::new();
        }
        self.wanted.store(poll, Ordering::SeqCst);
        let limit = clock::now() + PATIENCE;
        let mut found = false;
        if sys::signal::interrupt(thread, SIGNAL) {
            while !found && clock::now() < limit {
                std::thread::sleep(LOOK_AGAIN);
                found = self.found.load(Ordering::Acquire) == poll;
            }
        }
        self.wanted.store(0, Ordering::SeqCst);
        if !found {
            return Vec::new();
        }
        let len = self.len.load(Ordering::Relaxed).min(FRAMES_MAX);
        let frames = self.frames[..len].iter();
        resolve(frames.map(|frame| frame.load(Ordering::Relaxed)))
    }

    /// The handler's part.
    fn spring(&self, slot: &Slot, registers: &Registers) {
        let wanted = self.wanted.load(Ordering::SeqCst);
        if wanted == 0 || !slot.page.running.is(wanted) {
            return;
        }
        self.walk(registers);
        self.found.store(wanted, Ordering::Release);
    }

    /// Follows the frame pointers, and stores where each function goes on.
    fn walk(&self, registers: &Registers) {
        self.frames[0].store(registers.instruction, Ordering::Relaxed);
        let mut len = 1;
        let mut low = registers.stack;
        // Code may run on another stack, of a coroutine or a handler: what is between that and this one need not
        // be there.
        let own = self.bottom.load(Ordering::Relaxed)..self.top.load(Ordering::Relaxed);
        let top = if own.contains(&low) { own.end } else { 0 };
        let mut frame = registers.frame;
        while len < FRAMES_MAX
            && frame.is_multiple_of(WORD)
            && frame >= low
            && frame < top.saturating_sub(2 * WORD)
        {
            // SAFETY: the stack pointer is in the stack of this very thread, and the words lie between it and the
            // top: in memory that is mapped and that nobody else writes to. They are aligned, and any bits are a number.
            let (next, caller) = unsafe {
                let words = frame as *const usize;
                (words.read_volatile(), words.add(1).read_volatile())
            };
            if caller == 0 {
                break;
            }
            self.frames[len].store(caller, Ordering::Relaxed);
            len += 1;
            // The caller's frame is above this one, or it is none.
            low = frame + 2 * WORD;
            frame = next;
        }
        self.len.store(len, Ordering::Relaxed);
    }
}

/// The handler.
extern "C" fn interrupted(_: i32, _: *mut libc::siginfo_t, context: *mut c_void) {
    let errno = sys::errno();
    let thread = sys::thread_id();
    let mine = |slot: &&Slot| slot.watch.stack.thread.load(Ordering::Acquire) == thread;
    if let Some(slot) = remote::slots().find(mine) {
        // SAFETY: the kernel calls a handler with the context of what it interrupted.
        let registers = unsafe { sys::signal::registers(context) };
        slot.watch.stack.spring(slot, &registers);
    }
    sys::signal::set_errno(errno);
}

/// The functions that the code at `inside` is of: the innermost of the inlined ones first.
fn functions_at(address: usize, inside: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    backtrace::resolve(inside as *mut c_void, |symbol| {
        frames.push(Frame {
            address,
            function: symbol.name().map(|name| format!("{name:#}")),
            file: symbol.filename().map(|file| file.display().to_string()),
            line: symbol.lineno(),
        });
    });
    frames
}

/// Finds the functions, of inlined ones too, up to the runtime itself.
fn resolve(addresses: impl Iterator<Item = usize>) -> Vec<Frame> {
    let mut frames = Vec::new();
    for (at, address) in addresses.enumerate() {
        // The address that a call returns to may belong to the next line.
        let inside = if at == 0 {
            address
        } else {
            address.wrapping_sub(1)
        };
        let before = frames.len();
        // The compiler gives some instructions no line: that of one right before is meant.
        let lined = (0..LINE_BEFORE)
            .map(|back| functions_at(address, inside.wrapping_sub(back)))
            .find(|found| found.iter().all(|frame| frame.line.is_some()));
        frames.extend(lined.unwrap_or_else(|| functions_at(address, inside)));
        if frames.len() == before {
            frames.push(Frame {
                address,
                function: None,
                file: None,
                line: None,
            });
        }
        let runtime = |frame: &Frame| frame.function.as_deref().is_some_and(is_runtime);
        if let Some(end) = frames[before..].iter().position(runtime)
            && before + end > 0
        {
            frames.truncate(before + end);
            break;
        }
    }
    frames
}

/// Whether a function is one of those that poll tasks.
fn is_runtime(function: &str) -> bool {
    let function = function.trim_start_matches('<');
    function.starts_with("io2::task::raw::") || function.starts_with("io2::executor::")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(trap: &Trap) -> Vec<usize> {
        let len = trap.len.load(Ordering::Relaxed);
        let frames = trap.frames[..len].iter();
        frames.map(|frame| frame.load(Ordering::Relaxed)).collect()
    }

    /// A trap that takes these words for the whole stack.
    fn trap_on(words: &[usize]) -> Trap {
        let trap = Trap::new();
        let bounds = words.as_ptr_range();
        trap.bottom.store(bounds.start.addr(), Ordering::Relaxed);
        trap.top.store(bounds.end.addr(), Ordering::Relaxed);
        trap
    }

    /// Two frames: 0x22 called 0x11, which called what was interrupted at 0x1.
    fn stack() -> Box<[usize; 12]> {
        let mut words = Box::new([0; 12]);
        words[2] = (&raw const words[6]).addr();
        words[3] = 0x11;
        // What is said to be above is not, so it ends here.
        words[6] = (&raw const words[0]).addr();
        words[7] = 0x22;
        words
    }

    fn interrupted_at(stack: usize, words: &[usize]) -> Registers {
        Registers {
            instruction: 0x1,
            stack,
            frame: (&raw const words[2]).addr(),
        }
    }

    #[test]
    fn frames_are_followed_upwards_and_no_further_than_the_stack() {
        let words = stack();
        let trap = trap_on(&words[..]);
        trap.walk(&interrupted_at(words.as_ptr().addr(), &words[..]));
        assert_eq!(found(&trap), [0x1, 0x11, 0x22]);
        // One that is not wholly within it is not read.
        let trap = trap_on(&words[..7]);
        trap.walk(&interrupted_at(words.as_ptr().addr(), &words[..]));
        assert_eq!(found(&trap), [0x1, 0x11]);
        // Nor one that is not aligned.
        let trap = trap_on(&words[..]);
        let mut registers = interrupted_at(words.as_ptr().addr(), &words[..]);
        registers.frame += 1;
        trap.walk(&registers);
        assert_eq!(found(&trap), [0x1]);
    }

    #[test]
    fn code_that_runs_on_another_stack_tells_only_where_it_is() {
        let words = stack();
        let trap = trap_on(&words[..]);
        let below = words.as_ptr().addr() - 0x10_0000;
        trap.walk(&interrupted_at(below, &words[..]));
        assert_eq!(found(&trap), [0x1]);
    }
}
