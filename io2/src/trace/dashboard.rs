//! The events of the dashboard.

use std::fmt;

use super::fallback::report;

/// `dashboard`, INFO: there is one, at this address, in which is the token. It goes to `log`, too, where there is
/// no subscriber: nobody could find the dashboard otherwise.
#[cold]
pub(crate) fn dashboard(url: &str) {
    report!(INFO, "io2::dashboard", "dashboard", {
        url = url,
    }, "the dashboard of this process is at {url}");
}

/// `dashboard.failed`, WARN: there is none at this address, where one was asked for, and the program goes on.
#[cold]
pub(crate) fn dashboard_failed(addr: &str, error: &dyn fmt::Display) {
    let error = error.to_string();
    report!(WARN, "io2::dashboard", "dashboard.failed", {
        addr = addr,
        error = error.as_str(),
    }, "there is no dashboard at `{addr}`: {error}");
}
