//! What happens on a device that says it polls, and does not: here every device is made to say so.

use std::io;
use std::path::Path;
use std::rc::Rc;

use super::device::Device;
use super::file::DioFile;
use super::inner::Shared;
use crate::ExecutorConfig;
use crate::buf::AlignedBuf;
use crate::trace::kept::Kept;

/// A handle of the same file whose device says that it polls.
fn pretending(file: &DioFile, size: u64) -> (DioFile, &'static Device) {
    let device: &'static Device = Box::leak(Box::new(Device::pretending()));
    let mut pretending = file.try_clone().expect("a descriptor is free");
    let shared = Shared::new(file.alignment(), Some(device), 512, true, size);
    pretending.set_shared(Rc::new(shared));
    (pretending, device)
}

#[test]
fn a_device_that_refuses_to_poll_is_used_unpolled_from_then_on_and_said_once() {
    let path = std::env::temp_dir().join(format!("io2-fallback-{}", std::process::id()));
    // What is to be said of the real device is said here.
    let first = ExecutorConfig::new().run(DioFile::create(&path));
    drop(first.expect("the executor starts"));
    let fallbacks = Kept::of(&["ring.poll_fallback"]);
    let run = tracing::subscriber::with_default(fallbacks.clone(), || {
        ExecutorConfig::new().run(read_all(&path))
    });
    let _ = std::fs::remove_file(&path);
    let really_polls = run.expect("the executor starts").expect("no read fails");
    // Linux 6.1 does not say that a read was not polled.
    let tells = !really_polls && !crate::sys::kernel_release().starts_with("6.1.");
    assert_eq!(fallbacks.events().len(), usize::from(tells));
}

/// Reads through a pretending handle, and says whether the device polls in truth.
async fn read_all(path: &Path) -> io::Result<bool> {
    let file = DioFile::create(path).await?;
    let really_polls = file.polls();
    let block = file.alignment().offset() as usize;
    file.write_all_at(vec![7; 8 * block], 0).await.0?;
    let (file, device) = pretending(&file, 8 * block as u64);
    assert!(file.polls() && device.polls());
    for _ in 0..2 {
        // Several at once, so that more than one is refused.
        let reads: Vec<_> = (0..8)
            .map(|at| {
                let buf = AlignedBuf::new(block, file.alignment().memory());
                crate::spawn(file.read_aligned(buf, (at * block) as u64))
            })
            .collect();
        for read in reads {
            let (count, buf) = read.await;
            assert_eq!(count?, block);
            assert!(buf.iter().all(|&byte| byte == 7));
        }
        let tried = crate::ring_info().expect("within an executor").polled;
        assert!(tried, "the polled ring was used");
    }
    let tells = !really_polls && !crate::sys::kernel_release().starts_with("6.1.");
    assert_eq!(file.polls(), !tells, "one refusal is enough");
    Ok(really_polls)
}
