//! Memory that a ring keeps mapped, so that an operation on it need not look its pages up.

use std::io;

use super::ring::Ring;
use crate::error;

/// How many regions a ring has places for. A pool of buffers is one region, so these are many.
const PLACES: u32 = 64;

/// The places for regions in one ring.
pub(super) struct Regions {
    /// Whether the ring has been given its places.
    made: bool,
    /// Bit n: place n is taken.
    taken: u64,
}

impl Regions {
    pub(super) fn new() -> Self {
        Regions {
            made: false,
            taken: 0,
        }
    }

    /// Lets the ring map a region, and returns its place there.
    pub(super) fn add(&mut self, ring: &Ring, base: *mut u8, len: usize) -> io::Result<u16> {
        let place = self.taken.trailing_ones();
        if place >= PLACES {
            return Err(error::too_many_regions(PLACES));
        }
        if !self.made {
            let submitter = ring.uring().submitter();
            let made = submitter.register_buffers_sparse(PLACES);
            made.map_err(|error| error::region(error, len))?;
            self.made = true;
        }
        update(ring, place, base, len).map_err(|error| error::region(error, len))?;
        self.taken |= 1 << place;
        Ok(place as u16)
    }

    /// Lets the ring forget a region. Operations on it that are in flight are not disturbed.
    pub(super) fn remove(&mut self, ring: &Ring, place: u16) {
        // An error leaves the region mapped until the ring is closed, and the place taken.
        if update(ring, place.into(), std::ptr::null_mut(), 0).is_ok() {
            self.taken &= !(1 << place);
        }
    }
}

fn update(ring: &Ring, place: u32, base: *mut u8, len: usize) -> io::Result<()> {
    let region = libc::iovec {
        iov_base: base.cast(),
        iov_len: len,
    };
    // SAFETY: the kernel looks at the addresses in this call only: it holds on to the pages that
    // are there now, so what becomes of the addresses later cannot make it write to anything else.
    unsafe {
        let submitter = ring.uring().submitter();
        submitter.register_buffers_update(place, &[region], None)
    }
}
