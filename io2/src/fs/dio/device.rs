//! Which devices may poll: asked once a device, remembered by the process.
//!
//! Only the device's queue tells before anything goes wrong: a write succeeds unpolled on a device
//! without polled queues, a read fails late, and on older kernels it does not fail at all.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::lock::lock;
use crate::trace;

const PAGE: usize = 4096;

/// The most memory pages of one request of the block layer. What has more is sent as several, and
/// only the last one is polled for.
const MOST_PAGES: usize = 256;

/// What is known of the device that a file is on.
#[derive(Debug)]
pub(super) struct Device {
    major: u32,
    minor: u32,
    polls: AtomicBool,
    /// The most bytes and pages of one request of the device. On Linux 6.1 a polled read of more
    /// keeps a worker of the kernel busy for ever.
    most_bytes: usize,
    most_pages: usize,
}

/// By the number, for the life of the process: there are as many as the machine has devices with
/// files that were opened for direct I/O.
static DEVICES: Mutex<Vec<&'static Device>> = Mutex::new(Vec::new());

/// The device of that number. If it does not poll, that is said the first time.
pub(super) fn device(major: u32, minor: u32) -> &'static Device {
    let (device, new) = find(major, minor);
    if new && !device.polls() {
        device.tell("its queue has no polling (queue/io_poll is not 1)");
    }
    device
}

/// The device, and whether nobody asked for it before.
fn find(major: u32, minor: u32) -> (&'static Device, bool) {
    let mut devices = lock(&DEVICES);
    let known = devices
        .iter()
        .find(|device| (device.major, device.minor) == (major, minor));
    if let Some(device) = known {
        return (device, false);
    }
    let device = Box::leak(Box::new(Device::look_up(Path::new("/sys"), major, minor)));
    devices.push(device);
    (device, true)
}

impl Device {
    /// Reads what the device's queue says. What has no queue (a file system without a device of
    /// its own) does not poll.
    fn look_up(sys: &Path, major: u32, minor: u32) -> Device {
        let this = sys.join(format!("dev/block/{major}:{minor}"));
        // A partition has no queue; the link leads into the directory of its disk.
        let queues: [PathBuf; 2] = [this.join("queue"), this.join("../queue")];
        let number = |name: &str| {
            let text = queues
                .iter()
                .find_map(|dir| std::fs::read_to_string(dir.join(name)).ok());
            text.and_then(|text| text.trim().parse::<usize>().ok())
        };
        let kilobytes = number("max_sectors_kb").unwrap_or(0);
        Device {
            major,
            minor,
            polls: AtomicBool::new(number("io_poll") == Some(1)),
            most_bytes: kilobytes.saturating_mul(1024),
            most_pages: number("max_segments").unwrap_or(MOST_PAGES).min(MOST_PAGES),
        }
    }

    /// Whether requests to it may go to the polled ring.
    pub(super) fn polls(&self) -> bool {
        self.polls.load(Ordering::Relaxed)
    }

    /// Whether a request with that memory reaches it in one part, as a polled one must.
    pub(super) fn takes(&self, address: usize, len: usize) -> bool {
        let pages = (address % PAGE + len).div_ceil(PAGE);
        len <= self.most_bytes && pages <= self.most_pages
    }

    /// It refused to poll: from now on no request to it is polled. True for the first refusal.
    pub(super) fn refuse(&self) -> bool {
        self.polls.swap(false, Ordering::Relaxed)
    }

    /// Says so, once a device.
    pub(super) fn tell_refusal(&self) {
        self.tell("it refused a polled request (EOPNOTSUPP)");
    }

    /// Nothing is locked or borrowed here: a subscriber may do as it likes.
    fn tell(&self, reason: &str) {
        trace::poll_fallback(&format!("{}:{}", self.major, self.minor), reason);
    }
}

#[cfg(all(test, feature = "tracing"))]
impl Device {
    /// A device that says it polls.
    pub(super) fn pretending() -> Device {
        Device {
            major: 0,
            minor: 0,
            polls: AtomicBool::new(true),
            most_bytes: MOST_PAGES * PAGE,
            most_pages: MOST_PAGES,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A `/sys` with one disk, 8:0, with one partition, 8:1.
    struct Sys(PathBuf);

    impl Sys {
        fn new(name: &str, io_poll: &str) -> Sys {
            let root = std::env::temp_dir().join(format!("io2-{name}-{}", std::process::id()));
            let disk = root.join("devices/disk");
            fs::create_dir_all(disk.join("queue")).expect("a directory in the temporary one");
            fs::create_dir_all(disk.join("part")).expect("a directory in the temporary one");
            fs::create_dir_all(root.join("dev/block")).expect("a directory in the temporary one");
            for (name, value) in [
                ("io_poll", io_poll),
                ("max_sectors_kb", "128\n"),
                ("max_segments", "33\n"),
            ] {
                fs::write(disk.join("queue").join(name), value).expect("a small file");
            }
            symlink("../../devices/disk", root.join("dev/block/8:0")).expect("a link");
            symlink("../../devices/disk/part", root.join("dev/block/8:1")).expect("a link");
            Sys(root)
        }
    }

    impl Drop for Sys {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_disk_and_its_partitions_poll_if_the_queue_does() {
        let polling = Sys::new("polling", "1\n");
        let sleeping = Sys::new("sleeping", "0\n");
        for minor in [0, 1] {
            assert!(Device::look_up(&polling.0, 8, minor).polls());
            assert!(!Device::look_up(&sleeping.0, 8, minor).polls());
        }
        assert!(
            !Device::look_up(&polling.0, 0, 40).polls(),
            "a device without a queue"
        );
    }

    #[test]
    fn a_request_that_the_device_would_cut_is_not_polled() {
        let sys = Sys::new("limits", "1\n");
        let disk = Device::look_up(&sys.0, 8, 0);
        assert!(disk.takes(PAGE, 128 * 1024));
        assert!(
            !disk.takes(PAGE, 128 * 1024 + 512),
            "more than max_sectors_kb"
        );
        assert!(disk.takes(PAGE + 512, 128 * 1024), "33 pages");
        let narrow = Device {
            most_pages: 32,
            ..disk
        };
        assert!(
            !narrow.takes(PAGE + 512, 128 * 1024),
            "more pages than segments"
        );
    }

    #[test]
    fn only_the_first_refusal_is_told() {
        let sys = Sys::new("refusal", "1\n");
        let disk = Device::look_up(&sys.0, 8, 0);
        assert!(disk.refuse() && !disk.refuse() && !disk.polls());
    }

    #[test]
    fn a_device_is_looked_up_once() {
        assert!(std::ptr::eq(device(0, 12345), device(0, 12345)));
    }
}
