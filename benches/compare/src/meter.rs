//! What a piece of work costs: CPU time of the whole process, and wall time.

use std::time::{Duration, Instant};

use crate::sample::Sample;

/// Measures from its making to its end.
pub struct Meter {
    cpu: Duration,
    wall: Instant,
}

impl Meter {
    pub fn start() -> Self {
        Meter {
            cpu: cpu_time(),
            wall: Instant::now(),
        }
    }

    /// CPU time and wall time since the start.
    pub fn elapsed(&self) -> (Duration, Duration) {
        let wall = self.wall.elapsed();
        (cpu_time() - self.cpu, wall)
    }

    /// What each of so many units cost.
    pub fn end(self, units: u64) -> Sample {
        let (cpu, wall) = self.elapsed();
        let each = |time: Duration| time.as_nanos() as f64 / units as f64;
        Sample::new()
            .with("cpu_ns", each(cpu))
            .with("wall_ns", each(wall))
    }
}

/// CPU time that all threads of the process have used, in user and in system mode: threads of a
/// runtime's pool and workers of the kernel included, since the work needed them.
fn cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the place is there to be written to.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "every kernel has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What a share of the times did not exceed, in microseconds. They need not be sorted.
pub fn quantile(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let at = ((times.len() as f64 * share) as usize).min(times.len() - 1);
    times[at].as_secs_f64() * 1e6
}
