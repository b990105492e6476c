//! The secret that is in the dashboard's address: who has it may look.

use std::fmt::Write as _;
use std::io;

use crate::sys;

/// Fixes the token, for those who look regularly.
pub(super) const VARIABLE: &str = "IO2_DASHBOARD_TOKEN";

const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// Letters, digits and `-._~` alone: it is part of addresses, headers and a page as it is.
pub(super) struct Token(String);

impl Token {
    /// The one that the environment gives, or a random one of 128 bits.
    pub(super) fn new() -> io::Result<Token> {
        match std::env::var_os(VARIABLE) {
            None => Token::random(),
            Some(value) => value.to_str().and_then(Token::fixed).ok_or_else(|| {
                let (least, most) = (LENGTH.start(), LENGTH.end());
                let text = format!(
                    "{VARIABLE} must have {least} to {most} characters, letters, digits and -._~ alone"
                );
                io::Error::new(io::ErrorKind::InvalidInput, text)
            }),
        }
    }

    fn fixed(text: &str) -> Option<Token> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let right = LENGTH.contains(&text.len()) && text.bytes().all(fits);
        right.then(|| Token(text.to_owned()))
    }

    fn random() -> io::Result<Token> {
        let mut bytes = [0; 16];
        sys::random(&mut bytes)?;
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Token(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this one. How long it takes does not tell how much of it is right.
    pub(super) fn is(&self, other: &str) -> bool {
        let (mine, other) = (self.0.as_bytes(), other.as_bytes());
        let differs = mine
            .iter()
            .zip(other)
            .fold(0, |differs, (a, b)| differs | (a ^ b));
        mine.len() == other.len() && std::hint::black_box(differs) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_random_and_is_only_itself() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(one.as_str().len(), 32);
        assert!(Token::fixed(one.as_str()).is_some());
        assert!(one.is(one.as_str()));
        for wrong in [
            other.as_str(),
            "",
            &one.as_str()[1..],
            &format!("{}0", one.as_str()),
        ] {
            assert!(!one.is(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_fixed_token_can_be_part_of_an_address_and_of_a_page() {
        for right in ["password", "A-z_0.9~", &"x".repeat(128)] {
            assert!(Token::fixed(right).is_some(), "{right}");
        }
        for wrong in [
            "",
            "short",
            "with space",
            "a\"b<c>d&e",
            "ümlaut-token",
            &"x".repeat(129),
        ] {
            assert!(Token::fixed(wrong).is_none(), "{wrong}");
        }
    }
}
