//! A generational slab: values in one vector, named by an index and a generation.
//!
//! Tasks and operations in flight live here. A [`Key`] can be packed into a waker or into the
//! `user_data` of a submission and may outlive its value: each index counts how often it was
//! used, so an old key does not name the value that took its place. It finds nothing.

#[cfg(test)]
mod tests;

/// Names one value of a [`Slab`], also after it was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Which entry of the slab.
    pub(crate) index: u32,
    /// The how-manieth value in that entry: at least 1, so that no key is all zeros.
    pub(crate) generation: u32,
}

/// Ends the list of vacant entries. Never an index: there are at most 2³² − 1 entries.
const NONE: u32 = u32::MAX;

/// Values that keep their key until they are removed.
///
/// Vacant entries form a list through the vector itself, and the one that was vacated last is used
/// first, since it is most likely still in the cache. The vector grows and never shrinks, so a
/// slab that has once been as full as it gets allocates no more.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<Entry<T>>,
    /// The entry that was vacated last, or [`NONE`].
    vacant: u32,
    len: usize,
    /// The generation of an index that was never used.
    generation_first: u32,
    /// The greatest generation.
    generation_max: u32,
    /// How many entries there may be.
    capacity_max: u32,
}

#[derive(Debug)]
struct Entry<T> {
    /// Of the value that is here; if there is none, of the next one.
    generation: u32,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Occupied(T),
    /// With the entry that was vacated before this one.
    Vacant(u32),
}

impl<T> Slab<T> {
    /// An empty slab whose keys fit into so many bits; 1 to 32 for each part.
    ///
    /// Generations start at 1 and go back to 1 after the greatest one. A key can then name a later
    /// value only if its holder kept it while that one entry was used over and over, 2^bits - 1
    /// times. For a task that costs one poll too many, which every future allows for; whoever
    /// needs more than that must not keep keys of values that are gone.
    pub(crate) const fn new(generation_bits: u32, index_bits: u32) -> Slab<T> {
        assert!(generation_bits >= 1 && generation_bits <= 32);
        assert!(index_bits >= 1 && index_bits <= 32);
        let index_max = u32::MAX >> (32 - index_bits);
        Slab {
            entries: Vec::new(),
            vacant: NONE,
            len: 0,
            generation_first: 1,
            generation_max: u32::MAX >> (32 - generation_bits),
            // The index NONE is not used.
            capacity_max: if index_bits == 32 {
                index_max
            } else {
                index_max + 1
            },
        }
    }

    /// Like [`new`](Self::new), with another first generation: keys of a slab that was here before find
    /// nothing in this one.
    pub(crate) const fn starting_at(
        generation_bits: u32,
        index_bits: u32,
        generation: u32,
    ) -> Slab<T> {
        let mut slab = Slab::new(generation_bits, index_bits);
        slab.generation_first = generation % slab.generation_max + 1;
        slab
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The key that the next value gets.
    ///
    /// # Panics
    ///
    /// When all indices are in use.
    #[inline]
    pub(crate) fn next_key(&self) -> Key {
        match self.entries.get(self.vacant as usize) {
            Some(entry) => Key {
                index: self.vacant,
                generation: entry.generation,
            },
            None => self.fresh_key(),
        }
    }

    /// The key of an entry that there is not yet.
    fn fresh_key(&self) -> Key {
        let index = self.entries.len();
        assert!(
            index < self.capacity_max as usize,
            "more than {} tasks or operations at once in one executor",
            self.capacity_max
        );
        Key {
            index: index as u32,
            generation: self.generation_first,
        }
    }

    /// Puts a value in.
    ///
    /// # Panics
    ///
    /// When all indices are in use.
    #[inline(always)]
    pub(crate) fn insert(&mut self, value: T) -> Key {
        let key = self.next_key();
        if let Some(entry) = self.entries.get_mut(self.vacant as usize) {
            let State::Vacant(next) = entry.state else {
                unreachable!("an occupied entry in the list of vacant ones");
            };
            entry.state = State::Occupied(value);
            self.vacant = next;
        } else {
            self.entries.push(Entry {
                generation: key.generation,
                state: State::Occupied(value),
            });
        }
        self.len += 1;
        key
    }

    /// The value of this key, if it is still there.
    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        match self.entries.get(key.index as usize) {
            Some(Entry {
                generation,
                state: State::Occupied(value),
            }) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The value of this key, if it is still there.
    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.entries.get_mut(key.index as usize) {
            Some(Entry {
                generation,
                state: State::Occupied(value),
            }) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// Takes the value of this key out, if it is still there. From now on the key finds nothing.
    #[inline]
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.entries.get_mut(key.index as usize)?;
        if entry.generation != key.generation || !matches!(entry.state, State::Occupied(_)) {
            return None;
        }
        let state = std::mem::replace(&mut entry.state, State::Vacant(self.vacant));
        entry.generation = if entry.generation == self.generation_max {
            1
        } else {
            entry.generation + 1
        };
        self.vacant = key.index;
        self.len -= 1;
        match state {
            State::Occupied(value) => Some(value),
            State::Vacant(_) => None,
        }
    }

    /// All values, in the order of their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.entries
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| match &entry.state {
                State::Occupied(value) => Some((
                    Key {
                        index: index as u32,
                        generation: entry.generation,
                    },
                    value,
                )),
                State::Vacant(_) => None,
            })
    }
}
