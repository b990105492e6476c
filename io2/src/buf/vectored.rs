//! Several buffers in one operation.

use super::{IoBuf, IoBufMut};

#[cfg(test)]
mod tests;

/// Buffers that are written one after the other by one operation.
///
/// `Vec<B>`, `Box<[B]>`, `[B; N]` and tuples of two to four buffers, which need not be of one
/// type: a header and a body, say.
///
/// # Safety
///
/// [`for_each`](IoBufs::for_each) names the initialised bytes of buffers that satisfy what
/// [`IoBuf`] demands, as long as the whole is not dropped and none of its methods is called that
/// takes it by `&mut`, wherever it is moved to.
pub unsafe trait IoBufs: Unpin + 'static {
    /// How many buffers there are.
    fn count(&self) -> usize;

    /// Names the address and length of the initialised bytes of each, in order.
    fn for_each(&self, name: impl FnMut(*const u8, usize));

    /// How many bytes are initialised in all of them.
    fn bytes_init(&self) -> usize {
        let mut sum = 0_usize;
        self.for_each(|_, len| sum = sum.saturating_add(len));
        sum
    }
}

/// Buffers that are read into one after the other by one operation.
///
/// # Safety
///
/// [`for_each_mut`](IoBufsMut::for_each_mut) names all bytes, initialised or not, of buffers that
/// satisfy what [`IoBufMut`] demands.
pub unsafe trait IoBufsMut: IoBufs {
    /// Names the address and capacity of each, in order.
    fn for_each_mut(&mut self, name: impl FnMut(*mut u8, usize));

    /// How many bytes there are room for in all of them.
    fn bytes_total(&self) -> usize;

    /// Sets the lengths after a read that filled `len` bytes: each buffer up to the one in which
    /// they end is full, and those behind it are empty.
    ///
    /// # Safety
    ///
    /// The first `len` bytes, counted over all buffers in order, are initialised, and `len <=
    /// bytes_total()`.
    unsafe fn set_init(&mut self, len: usize);
}

/// Sets the length of one buffer and returns how many bytes are left for those after it.
///
/// # Safety
///
/// The first `len` bytes, or all if there are fewer, are initialised.
unsafe fn set_init_of<B: IoBufMut>(buf: &mut B, len: usize) -> usize {
    let own = len.min(buf.bytes_total());
    // SAFETY: the caller has initialised them, and they are not more than there are.
    unsafe { buf.set_init(own) };
    len - own
}

macro_rules! list {
    ($list:ty $(, const $n:ident)?) => {
        // SAFETY: names exactly the bytes of its elements; how the elements are stored does not
        // matter, since the bytes of a buffer do not move with it.
        unsafe impl<B: IoBuf $(, const $n: usize)?> IoBufs for $list {
            fn count(&self) -> usize {
                self.len()
            }

            fn for_each(&self, mut name: impl FnMut(*const u8, usize)) {
                for buf in self.iter() {
                    name(buf.stable_ptr(), buf.bytes_init());
                }
            }
        }

        // SAFETY: names exactly the bytes of its elements.
        unsafe impl<B: IoBufMut $(, const $n: usize)?> IoBufsMut for $list {
            fn for_each_mut(&mut self, mut name: impl FnMut(*mut u8, usize)) {
                for buf in self.iter_mut() {
                    name(buf.stable_mut_ptr(), buf.bytes_total());
                }
            }

            fn bytes_total(&self) -> usize {
                self.iter().fold(0, |sum, buf| sum.saturating_add(buf.bytes_total()))
            }

            unsafe fn set_init(&mut self, mut len: usize) {
                for buf in self.iter_mut() {
                    // SAFETY: the caller has initialised `len` bytes from this buffer on.
                    len = unsafe { set_init_of(buf, len) };
                }
            }
        }
    };
}

list!(Vec<B>);
list!(Box<[B]>);
list!([B; N], const N);

macro_rules! tuple {
    ($count:literal: $($b:ident $index:tt),*) => {
        // SAFETY: names exactly the bytes of its elements.
        unsafe impl<$($b: IoBuf),*> IoBufs for ($($b,)*) {
            fn count(&self) -> usize {
                $count
            }

            fn for_each(&self, mut name: impl FnMut(*const u8, usize)) {
                $(name(self.$index.stable_ptr(), self.$index.bytes_init());)*
            }
        }

        // SAFETY: names exactly the bytes of its elements.
        unsafe impl<$($b: IoBufMut),*> IoBufsMut for ($($b,)*) {
            fn for_each_mut(&mut self, mut name: impl FnMut(*mut u8, usize)) {
                $(name(self.$index.stable_mut_ptr(), self.$index.bytes_total());)*
            }

            fn bytes_total(&self) -> usize {
                [$(self.$index.bytes_total()),*].into_iter().fold(0, usize::saturating_add)
            }

            unsafe fn set_init(&mut self, len: usize) {
                // SAFETY: the caller has initialised what is left from each buffer on.
                $(let len = unsafe { set_init_of(&mut self.$index, len) };)*
                debug_assert_eq!(len, 0);
            }
        }
    };
}

tuple!(2: A 0, B 1);
tuple!(3: A 0, B 1, C 2);
tuple!(4: A 0, B 1, C 2, D 3);
