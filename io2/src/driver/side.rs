//! Memory beside the buffers that the kernel reads or writes: at a fixed address, a place a slot.

use std::cell::UnsafeCell;
use std::mem::{self, MaybeUninit};
use std::ptr::NonNull;

/// What fits into a place; larger side data is boxed, and the place holds the box's address.
const INLINE: usize = 64;

/// The places of this many slots are allocated together: many pages, since most operations have no side
/// data, and a page that nobody writes to takes no memory.
const CHUNK: usize = 1024;

/// The bytes of one place.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct SideBytes(MaybeUninit<[u64; INLINE / 8]>);

type Place = UnsafeCell<SideBytes>;

/// One place for each slot. A place never moves; all are freed together.
pub(super) struct Sides {
    /// Raw, since the kernel writes to them while this structure is borrowed.
    chunks: Vec<NonNull<[Place; CHUNK]>>,
}

impl Sides {
    pub(super) fn new() -> Self {
        Sides { chunks: Vec::new() }
    }

    /// The address of the place of the slot with this index, which is made if it is new.
    #[inline]
    pub(super) fn place(&mut self, index: u32) -> *mut SideBytes {
        let index = index as usize;
        while self.chunks.len() <= index / CHUNK {
            self.grow();
        }
        self.address(index)
    }

    #[cold]
    fn grow(&mut self) {
        let chunk = Box::<[Place; CHUNK]>::new_uninit();
        // SAFETY: any bytes are a place, also none.
        let chunk = unsafe { chunk.assume_init() };
        self.chunks.push(NonNull::from(Box::leak(chunk)));
    }

    /// What the place of a slot holds, after the kernel's last completion for it.
    pub(super) fn take(&self, index: u32) -> SideBytes {
        let place = self.address(index as usize);
        // SAFETY: the place is in a live chunk, any bytes are a valid `SideBytes`, and the kernel no
        // longer writes to it.
        unsafe { place.read() }
    }

    /// Takes the side data out of the place of a slot, after the kernel's last completion for it.
    ///
    /// # Safety
    ///
    /// [`put`] had filled the place with an `S`, which is taken out once.
    #[inline]
    pub(super) unsafe fn take_as<S>(&self, index: u32) -> S {
        let place = self.address(index as usize);
        // SAFETY: by contract, and the kernel no longer writes to the place.
        unsafe { get_at(place) }
    }

    #[inline]
    fn address(&self, index: usize) -> *mut SideBytes {
        let chunk = self.chunks[index / CHUNK].as_ptr().cast::<Place>();
        // SAFETY: the offset is below the chunk's length.
        let place = unsafe { chunk.add(index % CHUNK) };
        UnsafeCell::raw_get(place)
    }
}

impl Drop for Sides {
    fn drop(&mut self) {
        for chunk in self.chunks.drain(..) {
            // SAFETY: the chunk came from `Box::leak` in `place`, and the driver drops its places only
            // when nothing is in flight.
            drop(unsafe { Box::from_raw(chunk.as_ptr()) });
        }
    }
}

const fn is_inline<S>() -> bool {
    size_of::<S>() <= INLINE && align_of::<S>() <= align_of::<SideBytes>()
}

/// Puts side data into a place and gives the address that the kernel may be told.
///
/// # Safety
///
/// `place` is a place of [`Sides`] whose slot is reserved and not in flight.
pub(crate) unsafe fn put<S>(place: *mut SideBytes, side: S) -> *mut S {
    if is_inline::<S>() {
        let place = place.cast::<S>();
        // SAFETY: the place is valid for writes by contract, and large and aligned enough.
        unsafe { place.write(side) };
        place
    } else {
        let side = Box::into_raw(Box::new(side));
        // SAFETY: the place is valid for writes by contract, and a pointer fits.
        unsafe { place.cast::<*mut S>().write(side) };
        side
    }
}

/// Takes side data out of the bytes of its place.
///
/// # Safety
///
/// The bytes were taken from a place that [`put`] had filled with an `S`, and are taken out once.
pub(crate) unsafe fn get<S>(bytes: SideBytes) -> S {
    // SAFETY: by contract.
    unsafe { get_at(&bytes) }
}

/// # Safety
///
/// As for [`get`], of the bytes at this address.
#[inline]
unsafe fn get_at<S>(bytes: *const SideBytes) -> S {
    if is_inline::<S>() {
        // SAFETY: by contract the bytes hold an `S`; whoever calls this does not use them again.
        unsafe { bytes.cast::<S>().read() }
    } else {
        // SAFETY: by contract the bytes hold the address of a box of an `S`, which nobody else owns.
        unsafe { *Box::from_raw(bytes.cast::<*mut S>().read()) }
    }
}

const _: () = assert!(mem::size_of::<SideBytes>() == INLINE);

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<S>(sides: &mut Sides, index: u32, side: S) -> S {
        let place = sides.place(index);
        // SAFETY: the place is of a slot that is not in flight.
        unsafe { put(place, side) };
        // SAFETY: the bytes hold an `S` and are taken out once.
        unsafe { get(sides.take(index)) }
    }

    #[test]
    fn side_data_comes_back_whether_it_fits_its_place_or_not() {
        let mut sides = Sides::new();
        assert_eq!(round_trip(&mut sides, 0, 7_u8), 7);
        assert_eq!(round_trip(&mut sides, 1, [3_u64; 8]), [3; 8]);
        assert_eq!(round_trip(&mut sides, 2, [4_u64; 100]), [4; 100]);
        assert_eq!(round_trip(&mut sides, 3, String::from("owned")), "owned");
    }

    #[test]
    fn a_place_keeps_its_address_while_others_are_made() {
        let mut sides = Sides::new();
        let first = sides.place(0);
        for index in 0..10_000 {
            sides.place(index);
        }
        assert_eq!(sides.place(0), first);
    }
}
