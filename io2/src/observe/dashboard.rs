//! Where the dashboard is.

use std::sync::Mutex;

use crate::lock::lock;

/// The address of the dashboard, and the process that it is of: the child of a fork has none.
static URL: Mutex<Option<(u32, String)>> = Mutex::new(None);

/// There is one now.
#[cfg(feature = "dashboard")]
pub(crate) fn open(url: &str) {
    *lock(&URL) = Some((std::process::id(), url.to_owned()));
}

/// There is none any more.
#[cfg(feature = "dashboard")]
pub(crate) fn close() {
    *lock(&URL) = None;
}

/// The address of the process's dashboard, with the token that it asks for; `None` while there is none.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # #[cfg(feature = "dashboard")] {
/// io2::ExecutorConfig::new().dashboard("127.0.0.1:0").run(async {
///     let url = io2::observe::dashboard_url().unwrap();
///     println!("look at {url}");
///     assert!(url.starts_with("http://127.0.0.1:"));
/// })?;
/// # }
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn dashboard_url() -> Option<String> {
    let url = lock(&URL);
    let mine = url.as_ref().filter(|(id, _)| *id == std::process::id());
    mine.map(|(_, url)| url.clone())
}
