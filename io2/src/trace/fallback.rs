//! Warnings and errors: to the subscriber, or without one to `log`.

/// How bad it is.
#[derive(Clone, Copy)]
pub(super) enum Severity {
    Warn,
    Error,
}

/// A WARN or ERROR event. All of them are made by this, so that none is lost when no `tracing`
/// subscriber has been set in the process: then the text goes to `log`, under the same target. So
/// the text must say by itself what the fields say.
macro_rules! report {
    (WARN, $($rest:tt)+) => { $crate::trace::fallback::report!(@ WARN, Warn, $($rest)+) };
    (ERROR, $($rest:tt)+) => { $crate::trace::fallback::report!(@ ERROR, Error, $($rest)+) };
    (
        @ $level:ident, $severity:ident, $target:literal, $(parent: $parent:expr,)? $name:literal,
        { $($fields:tt)* }, $($text:tt)+
    ) => {
        if $crate::trace::sink::has_subscriber() {
            $crate::trace::sink::note!(
                $level, $target, $(parent: $parent,)? $name, { $($fields)* }, $($text)+
            );
        } else {
            let severity = $crate::trace::fallback::Severity::$severity;
            $crate::trace::fallback::line($target, severity, format_args!($($text)+));
        }
    };
}
pub(super) use report;

#[cfg(feature = "log")]
pub(super) fn line(target: &str, severity: Severity, text: std::fmt::Arguments<'_>) {
    let level = match severity {
        Severity::Warn => log::Level::Warn,
        Severity::Error => log::Level::Error,
    };
    // A logger is user code like a subscriber: its panic, which the hook has reported, stops here.
    let log = || log::log!(target: target, level, "{text}");
    if let Err(payload) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(log)) {
        std::mem::forget(payload);
    }
}

#[cfg(not(feature = "log"))]
pub(super) fn line(_: &str, severity: Severity, _: std::fmt::Arguments<'_>) {
    match severity {
        Severity::Warn | Severity::Error => {}
    }
}
