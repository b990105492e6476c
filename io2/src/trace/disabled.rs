//! The empty form of spans and events, without feature `tracing`: see the notes in `trace`.
//!
//! The macros still look at every value, so that nothing is unused and nothing goes stale in this
//! form; as [`on`] is false, none of it is ever run.

/// Whether any subscriber wants spans: there is none.
#[inline]
pub(crate) const fn on() -> bool {
    false
}

/// Whether any subscriber wants events of DEBUG: there is none.
#[inline]
pub(crate) const fn on_debug() -> bool {
    false
}

/// Nothing that happens on this thread is told to a subscriber: nothing ever is.
#[cfg(feature = "dashboard")]
pub(crate) fn silence() {}

/// Whether a WARN or an ERROR goes to a subscriber: it goes to `log`.
pub(super) const fn has_subscriber() -> bool {
    false
}

/// What an event is the child of: nothing.
#[derive(Clone, Copy)]
pub(crate) struct Parent;

/// See the other form.
pub(crate) fn parent(_: Option<u64>) -> Parent {
    Parent
}

/// Where a thread's spans and events go: nowhere.
pub(crate) struct Sink(());

impl Sink {
    /// That of the calling thread.
    pub(crate) fn of_this_thread() -> Sink {
        Sink(())
    }

    /// Calls what makes events.
    pub(crate) fn within(&self, call: impl FnOnce()) {
        let Sink(()) = self;
        call();
    }
}

/// A task's span.
#[derive(Debug)]
pub(crate) struct TaskSpan(());

impl TaskSpan {
    /// No span.
    pub(crate) const fn none() -> TaskSpan {
        TaskSpan(())
    }

    pub(super) fn make(_: impl FnOnce()) -> TaskSpan {
        TaskSpan(())
    }

    pub(super) fn enter(&self) -> Entered {
        let TaskSpan(()) = self;
        Entered(())
    }

    pub(crate) fn id(&self) -> Parent {
        Parent
    }

    /// Its number, for other threads.
    pub(crate) fn number(&self) -> Option<u64> {
        None
    }

    /// Ends the span.
    #[inline]
    pub(crate) fn end(&self) {}
}

/// A span that would be entered until this is dropped.
#[derive(Debug)]
pub(super) struct Entered(());

impl Entered {
    pub(super) const fn none() -> Entered {
        Entered(())
    }

    pub(super) fn make(_: impl FnOnce()) -> Entered {
        Entered(())
    }

    pub(super) const fn is_none(&self) -> bool {
        let Entered(()) = self;
        true
    }

    pub(super) fn record<T>(&self, _: &'static str, _: T) {}
}

macro_rules! span {
    (
        $target:literal, $(parent: $parent:expr,)? $name:literal,
        { $($($field:ident).+ = $value:expr),+ $(,)? }
        $(, later { $($later:ident),+ })?
    ) => {{
        $(let _: Option<()> = $parent;)?
        let _ = ($(&$value,)+);
    }};
}
pub(super) use span;

macro_rules! note {
    (
        $level:ident, $target:literal, $(parent: $parent:expr,)? $name:literal,
        { $($($field:ident).+ = $value:expr),* $(,)? },
        $($text:tt)+
    ) => {{
        $(let _: $crate::trace::sink::Parent = $parent;)?
        let _ = ($(&$value,)* format_args!($($text)+));
    }};
}
pub(super) use note;
