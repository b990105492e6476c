//! A `tracing` subscriber that keeps what it is told, for tests to read back.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use io2::ExecutorConfig;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Id, Level, Metadata, Subscriber};

/// A span or an event.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its number, for spans the one that others name as their parent.
    pub id: u64,
    /// Where it belongs, such as `io2::poll`.
    pub target: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// How important it is.
    pub level: Level,
    /// The span that it is in: the one it names, or else the one that its thread was in.
    pub parent: Option<u64>,
    /// The values of its fields, strings without quotes.
    pub values: BTreeMap<&'static str, String>,
    /// How often it was entered.
    pub entered: u32,
    /// Whether it has ended.
    pub closed: bool,
}

impl Seen {
    /// The value of a field, which must be there.
    #[track_caller]
    pub fn text(&self, field: &str) -> &str {
        match self.values.get(field) {
            Some(value) => value,
            None => panic!("no {field} in {self:?}"),
        }
    }

    /// The value of a field that is a number.
    #[track_caller]
    pub fn number(&self, field: &str) -> i64 {
        let text = self.text(field);
        text.parse()
            .unwrap_or_else(|_| panic!("{field} is no number: {text}"))
    }

    /// Fails unless this has that target, that level and values for just those fields.
    #[track_caller]
    pub fn assert_is(&self, target: &str, level: Level, fields: &str) {
        assert_eq!((self.target, self.level), (target, level));
        assert_eq!(self.fields(), fields, "{}", self.name);
    }

    /// The names of the fields that have a value, in alphabetical order, separated by spaces.
    pub fn fields(&self) -> String {
        self.values.keys().copied().collect::<Vec<_>>().join(" ")
    }
}

/// What happened, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A span was made.
    New(u64),
    /// A span was entered.
    Enter(u64),
    /// A span was left.
    Exit(u64),
    /// A span ended.
    Close(u64),
    /// An event happened.
    Event(u64),
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    /// How many handles of each span live.
    handles: Vec<u32>,
    steps: Vec<Step>,
    /// The spans that each thread is in.
    inside: HashMap<ThreadId, Vec<u64>>,
    faults: Vec<String>,
    /// The places in the code that were ever reached, wanted or not.
    reached: Vec<&'static Metadata<'static>>,
}

impl State {
    fn inside(&mut self) -> &mut Vec<u64> {
        self.inside.entry(std::thread::current().id()).or_default()
    }

    fn span(&mut self, id: u64) -> &mut Seen {
        &mut self.seen[id as usize - 1]
    }
}

/// What a subscriber does beside taking notes.
type Then = dyn Fn(Step) + Send + Sync;

/// What was seen. Clones share it.
#[derive(Clone)]
pub struct Observed {
    state: Arc<Mutex<State>>,
    most: Level,
    then: Arc<Then>,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").finish_non_exhaustive()
    }
}

impl Default for Observed {
    fn default() -> Observed {
        Observed::then(|_| {})
    }
}

impl Observed {
    /// Sees everything of io2, and does `then` at each step, with nothing locked.
    pub fn then(then: impl Fn(Step) + Send + Sync + 'static) -> Observed {
        Observed {
            state: Arc::default(),
            most: Level::TRACE,
            then: Arc::new(then),
        }
    }

    /// Sees nothing more detailed than `level`.
    pub fn at_most(level: Level) -> Observed {
        Observed {
            most: level,
            ..Observed::default()
        }
    }

    /// Runs `work` with this as the thread's subscriber.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        tracing::subscriber::with_default(self.clone(), work)
    }

    /// All spans and events, oldest first.
    pub fn all(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// The spans or events of that name, oldest first.
    pub fn named(&self, name: &str) -> Vec<Seen> {
        self.all()
            .into_iter()
            .filter(|seen| seen.name == name)
            .collect()
    }

    /// The one span or event of that name whose field has this value.
    #[track_caller]
    pub fn only(&self, name: &str, field: &str, value: &str) -> Seen {
        let mut all = self.named(name);
        all.retain(|seen| seen.values.get(field).is_some_and(|found| found == value));
        assert_eq!(all.len(), 1, "{name} with {field} = {value}: {all:#?}");
        all.remove(0)
    }

    /// The span of the task with that name.
    #[track_caller]
    pub fn task(&self, name: &str) -> Seen {
        self.only("runtime.spawn", "task.name", name)
    }

    /// The polls of a task, oldest first.
    pub fn polls(&self, task: &Seen) -> Vec<Seen> {
        let mut polls = self.named("poll");
        polls.retain(|poll| poll.text("task.id") == task.text("task.id"));
        polls
    }

    /// The span or event of that number.
    pub fn get(&self, id: u64) -> Seen {
        self.state.lock().unwrap().span(id).clone()
    }

    /// The names of the spans and events whose place in the code was ever reached in this process,
    /// wanted or not.
    pub fn reached(&self) -> Vec<&'static str> {
        let state = self.state.lock().unwrap();
        state.reached.iter().map(|meta| meta.name()).collect()
    }

    /// Everything that happened, in order.
    pub fn steps(&self) -> Vec<Step> {
        self.state.lock().unwrap().steps.clone()
    }

    /// Fails if spans were left out of order, or entered after their end, or are still entered.
    #[track_caller]
    pub fn assert_nested(&self) {
        let state = self.state.lock().unwrap();
        assert!(state.faults.is_empty(), "{:#?}", state.faults);
        assert!(
            state.inside.values().all(Vec::is_empty),
            "still inside {:?}",
            state.inside
        );
    }

    fn see(&self, meta: &'static Metadata<'static>, parent: Parent, values: Values) -> u64 {
        let mut state = self.state.lock().unwrap();
        let id = state.seen.len() as u64 + 1;
        let parent = match parent {
            Parent::Root => None,
            Parent::Named(id) => Some(id.into_u64()),
            Parent::Current => state.inside().last().copied(),
        };
        state.seen.push(Seen {
            id,
            target: meta.target(),
            name: meta.name(),
            level: *meta.level(),
            parent,
            values: values.0,
            entered: 0,
            closed: false,
        });
        state.handles.push(1);
        state.steps.push(if meta.is_span() {
            Step::New(id)
        } else {
            Step::Event(id)
        });
        id
    }
}

/// The slice of what [`observe`] runs.
pub const SLICE: Duration = Duration::from_millis(10);

/// Runs a program with a subscriber that sees everything, and checks that all spans have ended.
#[track_caller]
pub fn observe<F: Future>(program: F) -> (F::Output, Observed) {
    let observed = Observed::default();
    // What the watchdog sees depends on the moment.
    let config = ExecutorConfig::new()
        .name("tested")
        .preempt_duration(SLICE)
        .watchdog(false);
    let output = observed.run(|| config.run(program)).unwrap();
    observed.assert_nested();
    for span in observed
        .all()
        .iter()
        .filter(|seen| seen.level == Level::TRACE)
    {
        assert!(span.closed, "never ended: {span:?}");
    }
    (output, observed)
}

enum Parent {
    Root,
    Named(Id),
    Current,
}

#[derive(Default)]
struct Values(BTreeMap<&'static str, String>);

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Observed {
    fn enabled(&self, meta: &Metadata<'_>) -> bool {
        meta.target().starts_with("io2") && *meta.level() <= self.most
    }

    fn register_callsite(&self, meta: &'static Metadata<'static>) -> Interest {
        self.state.lock().unwrap().reached.push(meta);
        if self.enabled(meta) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(self.most.into())
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut values = Values::default();
        span.record(&mut values);
        let parent = match span.parent() {
            Some(id) => Parent::Named(id.clone()),
            None if span.is_root() => Parent::Root,
            None => Parent::Current,
        };
        let id = self.see(span.metadata(), parent, values);
        (self.then)(Step::New(id));
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, record: &Record<'_>) {
        let mut values = Values::default();
        record.record(&mut values);
        let mut state = self.state.lock().unwrap();
        state.span(id.into_u64()).values.extend(values.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut values = Values::default();
        event.record(&mut values);
        let parent = match event.parent() {
            Some(id) => Parent::Named(id.clone()),
            None if event.is_root() => Parent::Root,
            None => Parent::Current,
        };
        let id = self.see(event.metadata(), parent, values);
        (self.then)(Step::Event(id));
    }

    fn enter(&self, id: &Id) {
        let id = id.into_u64();
        {
            let mut state = self.state.lock().unwrap();
            state.steps.push(Step::Enter(id));
            state.inside().push(id);
            state.span(id).entered += 1;
            if state.span(id).closed {
                let fault = format!("entered after its end: {:?}", state.span(id));
                state.faults.push(fault);
            }
        }
        (self.then)(Step::Enter(id));
    }

    fn exit(&self, id: &Id) {
        let id = id.into_u64();
        {
            let mut state = self.state.lock().unwrap();
            state.steps.push(Step::Exit(id));
            if state.inside().pop() != Some(id) {
                let fault = format!("left out of order: {:?}", state.span(id));
                state.faults.push(fault);
            }
        }
        (self.then)(Step::Exit(id));
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.state.lock().unwrap().handles[id.into_u64() as usize - 1] += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let id = id.into_u64();
        {
            let mut state = self.state.lock().unwrap();
            let handles = &mut state.handles[id as usize - 1];
            *handles -= 1;
            if *handles > 0 {
                return false;
            }
            state.steps.push(Step::Close(id));
            state.span(id).closed = true;
        }
        (self.then)(Step::Close(id));
        true
    }
}
