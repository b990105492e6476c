//! Spans and events by `tracing`: see the notes in `trace`.

use std::cell::Cell;
use std::fmt;

use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::{Id, Span};

use super::contain;

/// Whether any subscriber wants spans: one load.
///
/// The callsites have a cache of their own, but it comes behind more code, and much more when
/// another crate of the program turns on tracing's `log` feature.
#[inline]
pub(crate) fn on() -> bool {
    asked_for(LevelFilter::TRACE)
}

/// Whether any subscriber wants events of DEBUG: one load.
#[inline]
pub(crate) fn on_debug() -> bool {
    asked_for(LevelFilter::DEBUG)
}

#[inline]
fn asked_for(level: LevelFilter) -> bool {
    level <= STATIC_MAX_LEVEL && level <= LevelFilter::current()
}

/// Whether a WARN or an ERROR goes to a subscriber, and not to `log`.
pub(super) fn has_subscriber() -> bool {
    tracing::dispatcher::has_been_set()
}

thread_local! {
    /// Whether the thread is inside a subscriber that this module called. A subscriber that spawns
    /// a task for each span would never come to an end otherwise.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Calls a subscriber for something new, unless the thread is inside one already.
pub(super) fn shielded<R>(call: impl FnOnce() -> R) -> Option<R> {
    if INSIDE.get() { None } else { always(call) }
}

/// Nothing that happens on this thread from now on is told to a subscriber.
#[cfg(feature = "dashboard")]
pub(crate) fn silence() {
    INSIDE.set(true);
}

/// Calls a subscriber; `None` if it panics.
fn always<R>(call: impl FnOnce() -> R) -> Option<R> {
    let before = INSIDE.replace(true);
    let result = contain(call);
    INSIDE.set(before);
    result
}

/// What an event is the child of.
pub(crate) type Parent = Option<Id>;

/// The span of this number as a parent, for events from other threads.
pub(crate) fn parent(number: Option<u64>) -> Parent {
    number.filter(|&number| number > 0).map(Id::from_u64)
}

/// Where a thread's spans and events go, for another thread that has something to say in its place.
pub(crate) struct Sink(tracing::Dispatch);

impl Sink {
    /// That of the calling thread.
    pub(crate) fn of_this_thread() -> Sink {
        Sink(tracing::dispatcher::get_default(tracing::Dispatch::clone))
    }

    /// Calls what makes events. Where the thread had no subscriber they go to that of the process.
    pub(crate) fn within(&self, call: impl FnOnce()) {
        if self.0.is::<tracing::subscriber::NoSubscriber>() {
            call();
        } else {
            tracing::dispatcher::with_default(&self.0, call);
        }
    }
}

/// A task's span. Eight bytes, and no allocation while nobody wants spans.
pub(crate) struct TaskSpan(Cell<Option<Box<Span>>>);

impl TaskSpan {
    /// No span.
    pub(crate) const fn none() -> TaskSpan {
        TaskSpan(Cell::new(None))
    }

    pub(super) fn make(make: impl FnOnce() -> Span) -> TaskSpan {
        match shielded(make) {
            Some(span) if !span.is_disabled() => TaskSpan(Cell::new(Some(Box::new(span)))),
            _ => TaskSpan::none(),
        }
    }

    /// Enters it, for one poll.
    pub(super) fn enter(&self) -> Entered {
        // The clone keeps the span open over the poll, in which the task may be freed.
        match self.look(|span| shielded(|| Span::clone(span))).flatten() {
            Some(span) => Entered::enter(span),
            None => Entered::none(),
        }
    }

    /// Its number, for other threads.
    pub(crate) fn number(&self) -> Option<u64> {
        self.id().map(|id| id.into_u64())
    }

    /// Its id, as the parent of an event.
    pub(crate) fn id(&self) -> Parent {
        self.look(Span::id).flatten()
    }

    /// Ends the span, though the task's memory lives on, in the hand of whoever may ask for its
    /// output.
    #[inline]
    pub(crate) fn end(&self) {
        if let Some(span) = self.0.take() {
            close(*span);
        }
    }

    fn look<R>(&self, look: impl FnOnce(&Span) -> R) -> Option<R> {
        let span = self.0.take()?;
        let seen = look(&span);
        self.0.set(Some(span));
        Some(seen)
    }
}

impl fmt::Debug for TaskSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskSpan").field(&self.id()).finish()
    }
}

impl Drop for TaskSpan {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

/// A span that is entered until this is dropped.
///
/// Not an `EnteredSpan`: that one leaves and closes the span in one drop, and a subscriber that
/// panics in both would abort the process.
#[derive(Debug)]
pub(super) struct Entered(Option<Span>);

impl Entered {
    pub(super) const fn none() -> Entered {
        Entered(None)
    }

    pub(super) fn make(make: impl FnOnce() -> Span) -> Entered {
        match shielded(make) {
            Some(span) => Entered::enter(span),
            None => Entered(None),
        }
    }

    fn enter(span: Span) -> Entered {
        if span.is_disabled() {
            return Entered(None);
        }
        // A subscriber that panics has perhaps entered it, so it is left in any case.
        always(|| span.with_subscriber(|(id, dispatch)| dispatch.enter(id)));
        Entered(Some(span))
    }

    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Fills a field that was declared without a value.
    pub(super) fn record(&self, field: &'static str, value: impl tracing::Value) {
        if let Some(span) = &self.0 {
            always(|| {
                span.record(field, value);
            });
        }
    }
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        if let Some(span) = self.0.take() {
            leave(span);
        }
    }
}

#[cold]
#[inline(never)]
fn leave(span: Span) {
    always(|| span.with_subscriber(|(id, dispatch)| dispatch.exit(id)));
    close(span);
}

#[cold]
#[inline(never)]
fn close(span: Span) {
    always(|| drop(span));
}

/// A TRACE span: target, optional parent, name, fields, and the names of those filled later.
macro_rules! span {
    (
        $target:literal, $(parent: $parent:expr,)? $name:literal,
        { $($($field:ident).+ = $value:expr),+ $(,)? }
        $(, later { $($later:ident),+ })?
    ) => {
        ::tracing::span!(
            target: $target, $(parent: $parent,)? ::tracing::Level::TRACE, $name,
            $($($field).+ = $value,)+ $($($later = ::tracing::field::Empty,)+)?
        )
    };
}
pub(super) use span;

/// An event below WARN: it is for those who ask for it, and goes nowhere without a subscriber.
macro_rules! note {
    (
        $level:ident, $target:literal, $(parent: $parent:expr,)? $name:literal,
        { $($($field:ident).+ = $value:expr),* $(,)? },
        $($text:tt)+
    ) => {{
        $crate::trace::sink::shielded(|| ::tracing::event!(
            name: $name, target: $target, $(parent: $parent,)? ::tracing::Level::$level,
            { $($($field).+ = $value,)* message = format_args!($($text)+) }
        ));
    }};
}
pub(super) use note;
