//! `user_data`: what a completion belongs to.

use crate::slab::Key;

/// How many bits of a token hold an index.
pub(super) const INDEX_BITS: u32 = 28;
/// How many bits of a token hold a generation.
pub(super) const GENERATION_BITS: u32 = 32;

/// What a submission queue entry was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An operation in a slot.
    Operation = 1,
    /// The cancellation of the operation in that slot.
    Cancel = 2,
    /// A close that nobody waits for.
    Close = 3,
    /// The read that another thread's wake completes.
    Wakeup = 4,
    /// The timeout that ends a slice.
    Alarm = 5,
}

/// Four bits of kind, then the index, then the generation. Zero is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token(u64);

impl Token {
    pub(super) fn new(kind: Kind, key: Key) -> Self {
        debug_assert!(key.index < 1 << INDEX_BITS);
        let kind = (kind as u64) << (INDEX_BITS + GENERATION_BITS);
        Token(kind | u64::from(key.index) << GENERATION_BITS | u64::from(key.generation))
    }

    /// A token of a kind that has no slot.
    pub(super) fn bare(kind: Kind) -> Self {
        Token::new(
            kind,
            Key {
                index: 0,
                generation: 0,
            },
        )
    }

    pub(super) fn as_u64(self) -> u64 {
        self.0
    }

    /// Takes a completion's `user_data` apart; `None` if it is none of ours.
    pub(super) fn parse(user_data: u64) -> Option<(Kind, Key)> {
        let kind = match user_data >> (INDEX_BITS + GENERATION_BITS) {
            1 => Kind::Operation,
            2 => Kind::Cancel,
            3 => Kind::Close,
            4 => Kind::Wakeup,
            5 => Kind::Alarm,
            _ => return None,
        };
        let index = (user_data >> GENERATION_BITS) as u32 & ((1 << INDEX_BITS) - 1);
        Some((
            kind,
            Key {
                index,
                generation: user_data as u32,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_apart_into_what_it_was_made_of() {
        let keys = [
            (0, 0),
            (1, 1),
            ((1 << INDEX_BITS) - 1, u32::MAX),
            (77, 1 << 31),
        ];
        for (index, generation) in keys {
            for kind in [
                Kind::Operation,
                Kind::Cancel,
                Kind::Close,
                Kind::Wakeup,
                Kind::Alarm,
            ] {
                let key = Key { index, generation };
                let token = Token::new(kind, key);
                assert_eq!(Token::parse(token.as_u64()), Some((kind, key)));
            }
        }
    }

    #[test]
    fn a_number_that_is_no_token_is_refused() {
        assert_eq!(Token::parse(0), None);
        assert_eq!(Token::parse(u64::MAX), None);
    }
}
