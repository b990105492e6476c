//! What a piece of work costs: CPU time of the whole process, and wall time.

use std::time::Instant;

/// The cost of one unit of work, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub cpu: f64,
    pub wall: f64,
}

/// Measures from its making to its end.
pub struct Meter {
    cpu: f64,
    wall: Instant,
}

impl Meter {
    pub fn start() -> Self {
        Meter {
            cpu: cpu_nanos(),
            wall: Instant::now(),
        }
    }

    /// The cost of each of so many units.
    pub fn end(self, units: u64) -> Cost {
        let wall = self.wall.elapsed().as_nanos() as f64;
        let cpu = cpu_nanos() - self.cpu;
        Cost {
            cpu: cpu / units as f64,
            wall: wall / units as f64,
        }
    }
}

/// CPU time that all threads of the process have used, in user and in system mode: threads of a
/// runtime's pool and workers of the kernel included, since the work needed them.
fn cpu_nanos() -> f64 {
    // SAFETY: all-zero bytes are a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is writable.
    let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    assert_eq!(result, 0, "getrusage failed");
    let nanos = |time: libc::timeval| time.tv_sec as f64 * 1e9 + time.tv_usec as f64 * 1e3;
    nanos(usage.ru_utime) + nanos(usage.ru_stime)
}
