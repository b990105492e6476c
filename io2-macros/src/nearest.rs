//! Which known name a wrong one is most like.

/// The value whose name is nearest to `wrong`, if one is near: at most a third of its letters
/// (and at most two) wrong, missing, too many or swapped. Case and underscores do not count.
pub(crate) fn nearest<'a, T>(wrong: &str, known: impl Iterator<Item = (&'a str, T)>) -> Option<T> {
    let wrong = letters(wrong);
    known
        .filter_map(|(name, value)| {
            let name = letters(name);
            let distance = distance(&wrong, &name);
            let limit = (name.len().min(wrong.len()) / 3).min(2);
            (distance <= limit).then_some((distance, value))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, value)| value)
}

fn letters(name: &str) -> Vec<char> {
    name.chars()
        .filter(|&letter| letter != '_')
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// How many letters must be changed, added, removed, or swapped with their neighbour.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=to.len()).collect();
    for i in 1..=from.len() {
        for j in 1..=to.len() {
            let changed = usize::from(from[i - 1] != to[j - 1]);
            let mut least = (rows[i - 1][j - 1] + changed)
                .min(rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1);
            let swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
            if swapped {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    fn near(wrong: &str) -> Option<&'static str> {
        nearest(
            wrong,
            ["ring_depth", "preempt_ms", "preempt_us", "name"]
                .map(|n| (n, n))
                .into_iter(),
        )
    }

    #[test]
    fn a_slip_finds_the_name() {
        assert_eq!(near("ringdepth"), Some("ring_depth"));
        assert_eq!(near("ring_detph"), Some("ring_depth"));
        assert_eq!(near("RingDepth"), Some("ring_depth"));
        assert_eq!(near("prempt_ms"), Some("preempt_ms"));
        assert_eq!(near("nme"), Some("name"));
    }

    #[test]
    fn another_word_finds_nothing() {
        assert_eq!(near("flavor"), None);
        assert_eq!(near("game_of_life"), None);
        assert_eq!(near(""), None);
    }
}
