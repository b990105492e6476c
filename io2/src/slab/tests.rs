use std::collections::HashMap;

use proptest::prelude::*;

use super::{Key, Slab};

#[test]
fn a_key_finds_nothing_after_its_value_is_removed() {
    let mut slab = Slab::new(24, 28);
    let first = slab.insert("first");
    assert_eq!(slab.remove(first), Some("first"));
    let second = slab.insert("second");
    assert_eq!(second.index, first.index);
    assert_eq!(second.generation, first.generation + 1);
    assert_eq!(slab.get(first), None);
    assert_eq!(slab.get_mut(first), None);
    assert_eq!(slab.remove(first), None);
    assert_eq!(slab.get(second), Some(&"second"));
}

#[test]
fn the_entry_vacated_last_is_used_first() {
    let mut slab = Slab::new(24, 28);
    let keys: Vec<Key> = (0..4).map(|n| slab.insert(n)).collect();
    slab.remove(keys[1]);
    slab.remove(keys[3]);
    let reused: Vec<u32> = (0..3).map(|n| slab.insert(n).index).collect();
    assert_eq!(reused, [3, 1, 4]);
}

#[test]
fn generations_go_from_the_greatest_back_to_one() {
    let mut slab = Slab::new(2, 1);
    let generations: Vec<u32> = (0..5)
        .map(|_| {
            let key = slab.insert(());
            slab.remove(key);
            key.generation
        })
        .collect();
    assert_eq!(generations, [1, 2, 3, 1, 2]);
}

#[test]
#[should_panic(expected = "more than 4 tasks")]
fn an_index_that_does_not_fit_panics() {
    let mut slab = Slab::new(24, 2);
    for n in 0..5 {
        slab.insert(n);
    }
}

proptest! {
    #[test]
    fn behaves_like_a_map_with_keys_that_are_never_reused(
        steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..200)
    ) {
        let mut slab = Slab::new(24, 28);
        let mut model = HashMap::new();
        let mut all: Vec<Key> = Vec::new();
        for (number, (insert, which)) in steps.into_iter().enumerate() {
            if insert || all.is_empty() {
                let key = slab.next_key();
                prop_assert_eq!(slab.insert((key, number)), key);
                prop_assert!(model.insert(key, (key, number)).is_none());
                all.push(key);
            } else {
                let key = *which.get(&all);
                prop_assert_eq!(slab.remove(key), model.remove(&key));
            }
            prop_assert_eq!(slab.len(), model.len());
            for key in &all {
                prop_assert_eq!(slab.get(*key), model.get(key));
                prop_assert_eq!(slab.get_mut(*key), model.get_mut(key));
            }
            let listed: HashMap<Key, (Key, usize)> =
                slab.iter().map(|(key, value)| (key, *value)).collect();
            prop_assert_eq!(&listed, &model);
        }
    }
}
