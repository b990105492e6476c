//! Which descriptors the process has open.

use std::collections::BTreeMap;
use std::fs;

/// The open descriptors and what they refer to. Only meaningful while no other thread opens or
/// closes any: in a process of the test's own, see [`crate::child`].
pub fn open() -> BTreeMap<i32, String> {
    let listed: Vec<i32> = fs::read_dir("/proc/self/fd")
        .expect("/proc is mounted")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    // The descriptor of the listing itself is closed by now, so it has no link any more.
    listed
        .into_iter()
        .filter_map(|fd| {
            let target = fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
            Some((fd, target.to_string_lossy().into_owned()))
        })
        .collect()
}
