//! A subscriber for tests within the crate: it keeps the events of some names.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::lock::lock;

/// The events of these names, each with its fields as text, `name=value ` each.
#[derive(Clone)]
pub(crate) struct Kept {
    names: &'static [&'static str],
    events: Arc<Mutex<Vec<String>>>,
}

impl Kept {
    pub(crate) fn of(names: &'static [&'static str]) -> Kept {
        Kept {
            names,
            events: Arc::default(),
        }
    }

    /// Those so far.
    pub(crate) fn events(&self) -> Vec<String> {
        lock(&self.events).clone()
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

impl Subscriber for Kept {
    fn enabled(&self, meta: &Metadata<'_>) -> bool {
        self.names.contains(&meta.name())
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        lock(&self.events).push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
