//! What goes wrong with files, and how it is told.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::Command;

use io2::ExecutorConfig;
use io2::fs::{File, OpenOptions};
use io2_tests::{child, temp::TempDir};

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

#[test]
fn writing_to_a_file_opened_for_reading_is_an_error_with_the_buffer_back() {
    run(async {
        let dir = TempDir::new();
        let path = dir.file("f", "old");
        let file = File::open(&path).await?;
        let ebadf = Some(libc::EBADF);
        let (result, buf) = file.write_at("new", 0).await;
        assert_eq!((result.unwrap_err().raw_os_error(), buf), (ebadf, "new"));
        let (result, buf) = file.write_all_at("new", 0).await;
        assert_eq!((result.unwrap_err().raw_os_error(), buf), (ebadf, "new"));
        let (result, bufs) = file.write_vectored_at(("n", "ew"), 0).await;
        assert_eq!(
            (result.unwrap_err().raw_os_error(), bufs),
            (ebadf, ("n", "ew"))
        );
        assert_eq!(std::fs::read(&path)?, b"old");
        Ok(())
    });
}

#[test]
fn a_directory_is_no_file() {
    run(async {
        let dir = TempDir::new();
        let error = OpenOptions::new()
            .write(true)
            .open(dir.path())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
        let file = File::open(dir.path()).await?;
        let (result, buf) = file.read_at(vec![7; 10], 0).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(buf, [7; 10]);
        let error = io2::fs::read(dir.path()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
        Ok(())
    });
}

#[test]
fn opening_says_what_is_wrong_with_the_path() {
    run(async {
        let dir = TempDir::new();
        let file = dir.file("f", "");
        let kind = async |path: &Path| File::open(path).await.unwrap_err().kind();
        assert_eq!(kind(&dir.join("nothing")).await, ErrorKind::NotFound);
        assert_eq!(kind(&file.join("below")).await, ErrorKind::NotADirectory);
        assert_eq!(
            kind(&dir.join("x".repeat(300))).await,
            ErrorKind::InvalidFilename
        );
        assert_eq!(kind(Path::new("")).await, ErrorKind::NotFound);
        let error = File::create_new(&file).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        Ok(())
    });
}

#[test]
fn a_full_device_is_an_error_with_the_buffer_back() {
    run(async {
        let full = OpenOptions::new().write(true).open("/dev/full").await?;
        let enospc = Some(libc::ENOSPC);
        let (result, buf) = full.write_at("kept", 0).await;
        assert_eq!((result.unwrap_err().raw_os_error(), buf), (enospc, "kept"));
        let (result, buf) = full.write_all("kept").await;
        assert_eq!((result.unwrap_err().raw_os_error(), buf), (enospc, "kept"));
        Ok(())
    });
}

/// A file system of a size of its own, unmounted when dropped.
struct Tmpfs(TempDir);

impl Tmpfs {
    /// None where this process may not mount.
    fn mount(size: &str) -> Option<Tmpfs> {
        let dir = TempDir::new();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "none"])
            .arg(dir.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then(|| Tmpfs(dir))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily, should a failed test have left a file open.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_file_system_that_gets_full_half_way_is_an_error_and_keeps_the_first_half() {
    let Some(tmpfs) = Tmpfs::mount("64k") else {
        return io2_tests::skip("mounting a file system needs root");
    };
    run(async {
        let path = tmpfs.0.join("f");
        let file = File::create_new(&path).await?;
        let (result, buf) = file.write_all_at(vec![5; 1 << 20], 0).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_eq!(buf, vec![5; 1 << 20]);
        assert_eq!(std::fs::read(&path)?, vec![5; 64 << 10]);
        // What a single request wrote before the end is its result.
        file.set_len(0).await?;
        assert_eq!(file.write_at(vec![6; 1 << 20], 0).await.0?, 64 << 10);
        let error = file.allocate(64 << 10, 4096).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        Ok(())
    });
}

#[test]
fn running_out_of_descriptors_is_an_error_that_passes() {
    let test = "running_out_of_descriptors_is_an_error_that_passes";
    child::run_with_files(test, 64, || {
        run(async {
            // How many are open before does not matter: these take all that are left.
            let mut files = Vec::new();
            let error = loop {
                match File::open("/dev/null").await {
                    Ok(file) => files.push(file),
                    Err(error) => break error,
                }
                assert!(files.len() < 64, "the limit does not hold");
            };
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            let clone = files[0].try_clone().unwrap_err();
            assert_eq!(clone.raw_os_error(), Some(libc::EMFILE));
            // All that is open still works, and so does opening once there is room.
            assert_eq!(files[0].read(vec![0; 1]).await.0?, 0);
            files.pop().expect("some could be opened").close().await?;
            File::open("/dev/null").await?;
            Ok(())
        });
    });
}
