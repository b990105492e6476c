//! JSON, as far as the dashboard writes it: objects that are filled field by field.
//!
//! Numbers in it are whole, and those that a browser might round, the ids, are written as texts.

use std::fmt::Write as _;

/// An object that is being written.
pub(super) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

/// Writes an object.
pub(super) fn object(out: &mut String, fill: impl FnOnce(&mut Object<'_>)) {
    out.push('{');
    fill(&mut Object { out, empty: true });
    out.push('}');
}

/// Writes a list.
pub(super) fn list<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(']');
}

/// Writes a text, in quotes and on one line whatever is in it.
pub(super) fn text(out: &mut String, value: &str) {
    out.push('"');
    for char in value.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // Line ends to some, though not to JSON.
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
}

/// Writes a number.
pub(super) fn number(out: &mut String, value: u64) {
    let _ = write!(out, "{value}");
}

impl Object<'_> {
    /// Begins a field; its value is to be written behind.
    pub(super) fn field(&mut self, name: &str) -> &mut String {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        text(self.out, name);
        self.out.push(':');
        self.out
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        text(self.field(name), value);
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        number(self.field(name), value);
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.field(name)
            .push_str(if value { "true" } else { "false" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_whatever_is_in_them() {
        let mut out = String::new();
        text(
            &mut out,
            "a\"b\\c\nd\re\0f\u{2028}g</script>ä\u{1F980}\u{7f}",
        );
        assert_eq!(
            out,
            "\"a\\\"b\\\\c\\nd\\u000de\\u0000f\\u2028g</script>ä\u{1F980}\\u007f\""
        );
        assert_eq!(out.lines().count(), 1);
    }

    #[test]
    fn fields_and_items_are_separated() {
        let mut out = String::new();
        object(&mut out, |object| {
            object.text("name", "x");
            object.number("count", u64::MAX);
            object.flag("yes", true);
            list(object.field("none"), Vec::<u64>::new(), number);
            list(object.field("some"), [1, 2], number);
            self::object(object.field("inner"), |_| {});
        });
        let expected = r#"{"name":"x","count":18446744073709551615,"yes":true,"none":[],"some":[1,2],"inner":{}}"#;
        assert_eq!(out, expected);
    }
}
