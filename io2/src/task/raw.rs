//! The task's allocation, and pointers to it.

use std::alloc::Layout;
use std::cell::{Cell, UnsafeCell};
use std::future::Future;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::process;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::error::JoinError;
use super::header::{Header, Outcome, TaskMeta};
use super::join::JoinHandle;
use super::memory::Memory;
use crate::trace::{self, TaskPanic};

/// What a task's pointers point to: the beginning of a [`Task`] whose future is not known.
#[repr(C)]
struct Shell {
    /// How many pointers there are.
    count: Cell<usize>,
    vtable: &'static Vtable,
    /// Where the task's memory came from. `free` takes it out: it must outlive the task.
    memory: ManuallyDrop<Rc<Memory>>,
    header: Header,
}

/// One task, in one allocation.
#[repr(C)]
struct Task<F: Future> {
    shell: Shell,
    /// Who may touch it and when: see the notes of `task`.
    stage: UnsafeCell<Stage<F>>,
}

enum Stage<F: Future> {
    Running(F),
    Finished(Result<F::Output, JoinError>),
    Consumed,
}

/// What a task does that depends on its future. Each is called with the shell of a live `Task<F>`
/// with that `F`.
struct Vtable {
    poll: unsafe fn(NonNull<Shell>, &mut Context<'_>) -> Poll<Outcome>,
    cancel: unsafe fn(NonNull<Shell>),
    discard_output: unsafe fn(NonNull<Shell>),
    report_panic: unsafe fn(NonNull<Shell>),
    /// Moves the output to an `Option<Result<F::Output, JoinError>>`.
    take_output: unsafe fn(NonNull<Shell>, *mut ()),
    /// Drops the task and frees its memory.
    free: unsafe fn(NonNull<Shell>),
}

/// A counted pointer to a task of whatever future.
pub(crate) struct TaskRef(NonNull<Shell>);

impl TaskRef {
    /// Makes a task, one block of memory, and its handle. The header is made where it stays.
    #[inline]
    pub(crate) fn new<F: Future>(
        memory: &Rc<Memory>,
        header: impl FnOnce() -> Header,
        future: F,
    ) -> (TaskRef, JoinHandle<F::Output>) {
        // SAFETY: a task has a header, so its size is not zero.
        let task = unsafe { memory.take(Layout::new::<Task<F>>()) }.cast::<Task<F>>();
        // SAFETY: the block has the layout of a task, and is nobody else's.
        unsafe {
            task.write(Task {
                shell: Shell {
                    count: Cell::new(1),
                    vtable: Task::<F>::VTABLE,
                    memory: ManuallyDrop::new(memory.clone()),
                    header: header(),
                },
                stage: UnsafeCell::new(Stage::Running(future)),
            });
        }
        let task = TaskRef(task.cast());
        // SAFETY: the task is new, and its future is an `F`.
        let handle = unsafe { JoinHandle::new(task.clone()) };
        (task, handle)
    }

    #[inline]
    fn shell(&self) -> &Shell {
        // SAFETY: the task lives as long as one of its pointers, and its shell is only shared.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn header(&self) -> &Header {
        &self.shell().header
    }

    /// Polls the future once. A panic is caught and becomes the output. Not for a task that has
    /// finished, nor within its own poll.
    #[inline]
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        // SAFETY: the vtable is the task's own.
        unsafe { (self.shell().vtable.poll)(self.0, cx) }
    }

    /// Drops the future where it stands; the output is then that it was cancelled. Not within a
    /// poll of the task.
    pub(crate) fn cancel(&self) {
        if !self.header().is_finished() {
            // SAFETY: the vtable is the task's own.
            unsafe { (self.shell().vtable.cancel)(self.0) }
        }
    }

    /// Drops an output that nobody will take.
    pub(crate) fn discard_output(&self) {
        if self.header().has_output() {
            // SAFETY: the vtable is the task's own.
            unsafe { (self.shell().vtable.discard_output)(self.0) }
        }
    }

    /// Says so, as an ERROR event, if the output is a panic that nobody will take.
    pub(crate) fn report_panic(&self) {
        if self.header().has_output() {
            // SAFETY: the vtable is the task's own.
            unsafe { (self.shell().vtable.report_panic)(self.0) }
        }
    }

    /// The output, once; `None` before the task has finished.
    ///
    /// # Panics
    ///
    /// If the output is gone.
    ///
    /// # Safety
    ///
    /// The task's future has the output `T`.
    #[inline]
    pub(super) unsafe fn take_output<T>(&self) -> Option<Result<T, JoinError>> {
        if !self.header().is_finished() {
            return None;
        }
        if self.header().consumed.get() {
            panic!("a JoinHandle was polled after it had given its output");
        }
        let mut output: Option<Result<T, JoinError>> = None;
        // SAFETY: the vtable is the task's own, and the place is of the type that it writes, by
        // contract.
        unsafe { (self.shell().vtable.take_output)(self.0, (&raw mut output).cast()) };
        output
    }
}

impl Clone for TaskRef {
    #[inline]
    fn clone(&self) -> Self {
        let count = self.shell().count.get().wrapping_add(1);
        if count == 0 {
            // Only a program that forgets pointers without end gets here, and the next drop would free the task.
            process::abort();
        }
        self.shell().count.set(count);
        TaskRef(self.0)
    }
}

impl Drop for TaskRef {
    #[inline]
    fn drop(&mut self) {
        let shell = self.shell();
        let count = shell.count.get() - 1;
        shell.count.set(count);
        if count == 0 {
            // SAFETY: this was the last pointer, and the vtable is the task's own.
            unsafe { (shell.vtable.free)(self.0) }
        }
    }
}

impl<F: Future> Task<F> {
    const VTABLE: &'static Vtable = &Vtable {
        poll: Self::poll,
        cancel: Self::cancel,
        discard_output: Self::discard_output,
        report_panic: Self::report_panic,
        take_output: Self::take_output,
        free: Self::free,
    };

    /// # Safety
    ///
    /// `shell` is that of a live `Task<F>`, which then stays valid for as long as its count says.
    unsafe fn of<'a>(shell: NonNull<Shell>) -> &'a Task<F> {
        // SAFETY: by contract; the shell is the first field of a C layout.
        unsafe { shell.cast::<Task<F>>().as_ref() }
    }

    unsafe fn poll(shell: NonNull<Shell>, cx: &mut Context<'_>) -> Poll<Outcome> {
        // SAFETY: by the vtable's contract.
        let task = unsafe { Self::of(shell) };
        let header = &task.shell.header;
        header.enter();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the task was entered, so it has not finished, and nothing else looks at its stage.
            let stage = unsafe { &mut *task.stage.get() };
            let Stage::Running(future) = stage else {
                unreachable!("a finished task is not polled")
            };
            // SAFETY: the task's memory does not move, and `finish` drops the future in place, so
            // the future does not move until it is dropped.
            unsafe { Pin::new_unchecked(future) }.poll(cx)
        }));
        let (output, outcome) = match polled {
            Ok(Poll::Pending) => {
                header.leave();
                return Poll::Pending;
            }
            Ok(Poll::Ready(output)) => (Ok(output), Outcome::Completed),
            Err(payload) => (Err(JoinError::panic(payload)), Outcome::Panicked),
        };
        // SAFETY: the task is entered, and the poll is over.
        unsafe { task.finish(output) };
        Poll::Ready(outcome)
    }

    unsafe fn cancel(shell: NonNull<Shell>) {
        // SAFETY: by the vtable's contract.
        let task = unsafe { Self::of(shell) };
        task.shell.header.enter();
        // SAFETY: the task was entered just now.
        unsafe { task.finish(Err(JoinError::cancelled())) };
    }

    /// Drops the future and puts the output in its place.
    ///
    /// # Safety
    ///
    /// The caller has entered the task, and does not use the stage.
    unsafe fn finish(&self, output: Result<F::Output, JoinError>) {
        let stage = self.stage.get();
        // Dropping the future is user code and may panic; the future must be gone either way.
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: by contract; what the drop calls finds a task that is entered and has not
            // finished, so it does not look at the stage.
            unsafe { *stage = Stage::Consumed };
        }));
        let output = match (dropped, output) {
            (Ok(()), output) => output,
            // The first panic tells more than the one that it caused.
            (Err(payload), Err(error)) if error.is_panic() => {
                drop_quietly(payload);
                Err(error)
            }
            (Err(payload), output) => {
                drop_quietly(output);
                Err(JoinError::panic(payload))
            }
        };
        // SAFETY: as above. What is overwritten has nothing to drop: the assignment, also if the drop
        // panicked, has left the stage consumed.
        unsafe { stage.write(Stage::Finished(output)) };
        self.shell.header.leave();
        self.shell.header.finished.set(true);
    }

    /// Takes out what is left in the stage of a task that has finished.
    ///
    /// # Safety
    ///
    /// The task has finished.
    unsafe fn consume(&self) -> Stage<F> {
        self.shell.header.consumed.set(true);
        // SAFETY: a task that has finished is not polled any more, and no user code runs while the
        // stage is borrowed here.
        unsafe { mem::replace(&mut *self.stage.get(), Stage::Consumed) }
    }

    unsafe fn discard_output(shell: NonNull<Shell>) {
        // SAFETY: by the vtable's contract, and only called for a task that has finished.
        drop(unsafe { Self::of(shell).consume() });
    }

    unsafe fn take_output(shell: NonNull<Shell>, place: *mut ()) {
        // SAFETY: as above.
        if let Stage::Finished(output) = unsafe { Self::of(shell).consume() } {
            let place = place.cast::<Option<Result<F::Output, JoinError>>>();
            // SAFETY: by the vtable's contract the place is of this type.
            unsafe { *place = Some(output) };
        }
    }

    unsafe fn report_panic(shell: NonNull<Shell>) {
        // SAFETY: by the vtable's contract.
        let task = unsafe { Self::of(shell) };
        // SAFETY: only called for a task that has finished, and no user code runs while the stage is
        // borrowed.
        let message = match unsafe { &*task.stage.get() } {
            Stage::Finished(Err(error)) if error.is_panic() => error.to_string(),
            _ => return,
        };
        let header = &task.shell.header;
        let TaskMeta { id, name, location } = &header.meta;
        let panic = TaskPanic {
            id: *id,
            name: name.as_deref(),
            location,
            message: &message,
        };
        trace::task_panic(&header.span, &panic);
    }

    unsafe fn free(shell: NonNull<Shell>) {
        /// Gives the memory back, also if a drop panics.
        struct Free<F: Future>(NonNull<Task<F>>, Rc<Memory>);
        impl<F: Future> Drop for Free<F> {
            fn drop(&mut self) {
                // SAFETY: the block came from a memory with this layout, and what was in it was dropped.
                unsafe { self.1.give(self.0.cast(), Layout::new::<Task<F>>()) };
            }
        }
        // SAFETY: by the vtable's contract the task lives, and nothing uses its pointer to the memory any more:
        // the last pointer to the task is gone, and dropping the task leaves this one alone.
        let memory =
            unsafe { ManuallyDrop::into_inner(ptr::read(&raw const (*shell.as_ptr()).memory)) };
        let task = shell.cast::<Task<F>>();
        let _free = Free(task, memory);
        // SAFETY: the last pointer is gone, so nothing uses the task any more.
        unsafe { ptr::drop_in_place(task.as_ptr()) };
    }
}

/// Drops what a user made where its panic would be one too many.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // It may panic in its drop as well.
        mem::forget(payload);
    }
}
