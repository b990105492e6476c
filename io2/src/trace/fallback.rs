//! Warnings and errors: to the subscriber, or without one to `log`.

/// How bad it is.
#[derive(Clone, Copy)]
pub(super) enum Severity {
    #[cfg(any(feature = "dashboard", all(test, feature = "tracing")))]
    Info,
    Warn,
    Error,
}

/// A WARN or ERROR event. All of them are made by this, so that none is lost when no `tracing`
/// subscriber has been set in the process: then the text goes to `log`, under the same target. So
/// the text must say by itself what the fields say.
macro_rules! report {
    (INFO, $($rest:tt)+) => { $crate::trace::fallback::report!(@ INFO, Info, $($rest)+) };
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
        #[cfg(any(feature = "dashboard", all(test, feature = "tracing")))]
        Severity::Info => log::Level::Info,
        Severity::Warn => log::Level::Warn,
        Severity::Error => log::Level::Error,
    };
    super::contain(|| log::log!(target: target, level, "{}", OneLine(text)));
}

#[cfg(not(feature = "log"))]
pub(super) fn line(_: &str, severity: Severity, _: std::fmt::Arguments<'_>) {
    match severity {
        #[cfg(any(feature = "dashboard", all(test, feature = "tracing")))]
        Severity::Info => {}
        Severity::Warn | Severity::Error => {}
    }
}

/// A text on one line. What a task panicked with often has several, of which all but the first
/// would be lost to whoever searches a log for them, or taken for lines of their own.
#[cfg(feature = "log")]
struct OneLine<'a>(std::fmt::Arguments<'a>);

#[cfg(feature = "log")]
impl std::fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        struct Joined<'a, 'b>(&'a mut std::fmt::Formatter<'b>);

        impl std::fmt::Write for Joined<'_, '_> {
            fn write_str(&mut self, text: &str) -> std::fmt::Result {
                for (at, part) in text.split(['\n', '\r']).enumerate() {
                    if at > 0 {
                        self.0.write_str(" ")?;
                    }
                    self.0.write_str(part)?;
                }
                Ok(())
            }
        }

        std::fmt::write(&mut Joined(f), self.0)
    }
}
