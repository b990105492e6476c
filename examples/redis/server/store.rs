//! The keys and their values, in memory.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::record::Change;

type Key = Rc<[u8]>;

/// A value, and when it expires.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: Rc<[u8]>,
    pub(crate) expires: Option<u64>,
}

/// All keys. It is ahead of the log: of changes that are not synced yet it knows which keys they are of,
/// so that no reply shows what could still be lost, and what was there before.
#[derive(Debug, Default)]
pub(crate) struct Store {
    entries: HashMap<Key, Entry>,
    /// When keys expire, the soonest first.
    expiries: BTreeSet<(u64, Key)>,
    /// The newest batch with a change of the key, until it is synced.
    unsynced: HashMap<Key, u64>,
    /// What keys were before the changes that are not synced, by batch, the oldest first.
    undo: VecDeque<(u64, Key, Option<Entry>)>,
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as u64
}

impl Store {
    /// What a key is at that time.
    pub(crate) fn find(&self, key: &[u8], now: u64) -> Option<&Entry> {
        let entry = self.entries.get(key)?;
        let lives = |expires| expires > now;
        entry.expires.is_none_or(lives).then_some(entry)
    }

    /// The batch that must be synced before anybody is told what the key is.
    pub(crate) fn unsynced(&self, key: &[u8]) -> Option<u64> {
        self.unsynced.get(key).copied()
    }

    /// The batch that must be synced before anybody is told of all keys.
    pub(crate) fn newest_unsynced(&self) -> Option<u64> {
        self.undo.back().map(|(batch, ..)| *batch)
    }

    /// How many keys there are in memory.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Makes a change that is in the log for good.
    pub(crate) fn replay(&mut self, change: &Change<'_>) {
        self.apply(change);
    }

    /// Makes a change that is in a batch of the log which is not synced yet.
    pub(crate) fn change(&mut self, change: &Change<'_>, batch: u64) {
        let (key, before) = self.apply(change);
        self.unsynced.insert(key.clone(), batch);
        self.undo.push_back((batch, key, before));
    }

    /// The log is synced up to this batch.
    pub(crate) fn synced(&mut self, batch: u64) {
        let done = self.undo.partition_point(|(number, ..)| *number <= batch);
        for (_, key, _) in self.undo.drain(..done) {
            if self
                .unsynced
                .get(&key)
                .is_some_and(|&newest| newest <= batch)
            {
                self.unsynced.remove(&key);
            }
        }
    }

    /// Undoes all changes that are not synced: they never will be.
    pub(crate) fn roll_back(&mut self) {
        while let Some((_, key, before)) = self.undo.pop_back() {
            self.put(key, before);
        }
        self.unsynced.clear();
    }

    /// Frees some keys that have expired. Says whether there are more.
    pub(crate) fn expire(&mut self, now: u64) -> bool {
        const AT_ONCE: usize = 1000;
        for _ in 0..AT_ONCE {
            match self.expiries.first() {
                Some((expires, key)) if *expires <= now => self.put(key.clone(), None),
                _ => return false,
            };
        }
        true
    }

    fn apply(&mut self, change: &Change<'_>) -> (Key, Option<Entry>) {
        let (key, entry) = match *change {
            Change::Set {
                key,
                value,
                expires,
            } => {
                let value = value.into();
                (key, Some(Entry { value, expires }))
            }
            Change::Delete { key } => (key, None),
            Change::Expire { key, expires } => {
                let mut entry = self.entries.get(key).cloned();
                if let Some(entry) = &mut entry {
                    entry.expires = Some(expires);
                }
                (key, entry)
            }
        };
        let key = match self.entries.get_key_value(key) {
            Some((key, _)) => key.clone(),
            None => key.into(),
        };
        (key.clone(), self.put(key, entry))
    }

    /// Sets what a key is, and gives what it was.
    fn put(&mut self, key: Key, entry: Option<Entry>) -> Option<Entry> {
        let expires = entry.as_ref().and_then(|entry| entry.expires);
        let before = match entry {
            Some(entry) => self.entries.insert(key.clone(), entry),
            None => self.entries.remove(&key),
        };
        if let Some(expired) = before.as_ref().and_then(|before| before.expires) {
            self.expiries.remove(&(expired, key.clone()));
        }
        if let Some(expires) = expires {
            self.expiries.insert((expires, key));
        }
        before
    }
}
