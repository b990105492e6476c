//! Where the dashboard is.

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
    #[cfg(feature = "dashboard")]
    return crate::dashboard::url();
    #[cfg(not(feature = "dashboard"))]
    None
}
