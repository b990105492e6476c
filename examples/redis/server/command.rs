//! What commands do.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::log::Log;
use super::record::Change;
use super::resp::{self, number};
use super::store::{Entry, Store};

/// What a write is told once the log has failed, or when the server is about to end.
pub(crate) const REFUSED: &str = "MISCONF the log cannot be written, so nothing can be changed";

const NO_NUMBER: &str = "ERR value is not an integer or out of range";
const SYNTAX: &str = "ERR syntax error";

/// A command's way to the data.
pub(crate) struct Session<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) log: &'a Log,
    pub(crate) now: u64,
    /// The batch that must be synced before the reply is sent; 0 if there is none.
    pub(crate) needs: u64,
}

impl Session<'_> {
    /// Looks at a key. Whatever the reply says of it, it must not be lost any more.
    fn find(&mut self, key: &[u8]) -> Option<Entry> {
        self.needs = self.needs.max(self.store.unsynced(key).unwrap_or(0));
        self.store.find(key, self.now).cloned()
    }

    /// Makes changes, in one batch.
    fn change(&mut self, changes: &[Change<'_>]) -> Result<(), String> {
        let batch = self.log.append(changes).ok_or(REFUSED)?;
        for change in changes {
            self.store.change(change, batch);
        }
        self.needs = self.needs.max(batch);
        Ok(())
    }

    /// When a time to live ends that is given in units of so many milliseconds. Not in the past for one
    /// that is positive.
    fn after(&self, units: &[u8], unit: i64) -> Result<Option<u64>, &'static str> {
        let units = number(units).ok_or(NO_NUMBER)?;
        let at = units
            .checked_mul(unit)
            .and_then(|span| span.checked_add(self.now as i64));
        let at = at.ok_or("ERR invalid expire time")?;
        Ok((units > 0).then_some(at as u64))
    }
}

/// Carries out a command and appends its reply. An error is the reply instead.
pub(crate) fn execute(
    name: &[u8],
    words: &[Cow<'_, [u8]>],
    session: &mut Session<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    match (name.to_ascii_uppercase().as_slice(), words) {
        (b"PING", []) => resp::simple(out, "PONG"),
        (b"PING" | b"ECHO", [text]) => resp::bulk(out, text),
        (b"GET", [key]) => match session.find(key) {
            Some(entry) => resp::bulk(out, &entry.value),
            None => resp::null(out),
        },
        (b"SET", [key, value, options @ ..]) => set(key, value, options, session, out)?,
        (b"INCR", [key]) => increment(key, session, out)?,
        (b"EXPIRE", [key, seconds]) => expire(key, seconds, session, out)?,
        (b"DEL", [_, ..]) => {
            // A key that is named twice is there only once.
            let keys: BTreeSet<&[u8]> = words.iter().map(AsRef::as_ref).collect();
            let there = keys.into_iter().filter(|key| session.find(key).is_some());
            let gone: Vec<_> = there.map(|key| Change::Delete { key }).collect();
            if !gone.is_empty() {
                session.change(&gone)?;
            }
            resp::integer(out, gone.len() as i64);
        }
        (b"EXISTS", [_, ..]) => {
            let there = words.iter().filter(|key| session.find(key).is_some());
            let count = there.count();
            resp::integer(out, count as i64);
        }
        (b"TTL", [key]) => {
            let left = match session.find(key) {
                None => -2,
                Some(Entry { expires: None, .. }) => -1,
                Some(Entry {
                    expires: Some(at), ..
                }) => ((at - session.now + 500) / 1000) as i64,
            };
            resp::integer(out, left);
        }
        // With those that have expired and are not freed yet, as in Redis.
        (b"DBSIZE", []) => {
            session.needs = session.store.newest_unsynced().unwrap_or(0);
            resp::integer(out, session.store.len() as i64);
        }
        // What clients ask before they begin.
        (b"COMMAND", _) => resp::array(out, 0),
        (b"CONFIG", [verb, setting]) if verb.eq_ignore_ascii_case(b"GET") => {
            let answer: &[&[u8]] = match setting.as_ref() {
                b"appendonly" => &[b"appendonly", b"yes"],
                b"appendfsync" => &[b"appendfsync", b"always"],
                b"save" => &[b"save", b""],
                _ => &[],
            };
            resp::array(out, answer.len());
            answer.iter().for_each(|text| resp::bulk(out, text));
        }
        (
            b"PING" | b"ECHO" | b"GET" | b"SET" | b"INCR" | b"EXPIRE" | b"DEL" | b"EXISTS" | b"TTL",
            _,
        ) => {
            let name = name.escape_ascii();
            return Err(format!(
                "ERR wrong number of arguments for '{name}' command"
            ));
        }
        _ => {
            let name = name[..name.len().min(128)].escape_ascii();
            return Err(format!("ERR unknown command '{name}'"));
        }
    }
    Ok(())
}

fn set(
    key: &[u8],
    value: &[u8],
    mut options: &[Cow<'_, [u8]>],
    session: &mut Session<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let (mut expires, mut if_there) = (None, None);
    while let [option, rest @ ..] = options {
        let unit = match option.to_ascii_uppercase().as_slice() {
            b"EX" => 1000,
            b"PX" => 1,
            condition @ (b"NX" | b"XX") if if_there.is_none() => {
                (if_there, options) = (Some(condition == b"XX"), rest);
                continue;
            }
            _ => return Err(SYNTAX.to_owned()),
        };
        let ([units, rest @ ..], None) = (rest, expires) else {
            return Err(SYNTAX.to_owned());
        };
        expires = session.after(units, unit)?;
        if expires.is_none() {
            return Err("ERR invalid expire time in 'set' command".to_owned());
        }
        options = rest;
    }
    if if_there.is_some_and(|wanted| session.find(key).is_some() != wanted) {
        resp::null(out);
        return Ok(());
    }
    session.change(&[Change::Set {
        key,
        value,
        expires,
    }])?;
    resp::simple(out, "OK");
    Ok(())
}

fn increment(key: &[u8], session: &mut Session<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let (value, expires) = match session.find(key) {
        Some(entry) => (number(&entry.value).ok_or(NO_NUMBER)?, entry.expires),
        None => (0, None),
    };
    let next = value.checked_add(1);
    let next = next.ok_or("ERR increment or decrement would overflow")?;
    let value = next.to_string();
    let value = value.as_bytes();
    session.change(&[Change::Set {
        key,
        value,
        expires,
    }])?;
    resp::integer(out, next);
    Ok(())
}

fn expire(
    key: &[u8],
    seconds: &[u8],
    session: &mut Session<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let at = session.after(seconds, 1000)?;
    let there = session.find(key).is_some();
    if there {
        session.change(&[match at {
            Some(expires) => Change::Expire { key, expires },
            None => Change::Delete { key },
        }])?;
    }
    resp::integer(out, there.into());
    Ok(())
}
