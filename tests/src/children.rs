//! Which children the process has: only meaningful in a process of the test's own, see
//! [`crate::child`].

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// The children by their numbers, with the state that the kernel gives: `Z` for one that has ended and
/// that nobody has asked for its status.
pub fn all() -> BTreeMap<u32, char> {
    let mine = std::process::id();
    fs::read_dir("/proc")
        .expect("/proc is mounted")
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            // The name in parentheses may have any characters in it.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (_, rest) = stat.rsplit_once(')')?;
            let mut fields = rest.split_whitespace();
            let state = fields.next()?.chars().next()?;
            let parent: u32 = fields.next()?.parse().ok()?;
            (parent == mine).then_some((pid, state))
        })
        .collect()
}

/// Waits until the children are as wanted, and lets the executor work meanwhile.
///
/// # Panics
///
/// If they are not after a long time.
pub async fn until(wanted: impl Fn(&BTreeMap<u32, char>) -> bool) {
    let mut last = BTreeMap::new();
    for _ in 0..5_000 {
        last = all();
        if wanted(&last) {
            return;
        }
        io2::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the children are {last:?}");
}
