//! Opening for direct I/O: what is refused, what is fallen back to, and what a handle says of
//! itself.

use std::fs::OpenOptions;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use io2::ExecutorConfig;
use io2::fs::{DioFile, DioOptions};
use io2_tests::temp::TempDir;

fn run(future: impl Future<Output = io::Result<()>>) {
    let result = ExecutorConfig::new().run(future);
    result
        .expect("the executor starts")
        .expect("the test's I/O works");
}

/// A regular file of a file system that has no direct I/O.
const REFUSES: &str = "/proc/self/mountinfo";

/// The status flags that the kernel has for a descriptor.
fn flags(file: &impl AsFd) -> io::Result<i32> {
    let info = format!("/proc/self/fdinfo/{}", file.as_fd().as_raw_fd());
    let info = std::fs::read_to_string(info)?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    Ok(i32::from_str_radix(flags.expect("a line with the flags").trim(), 8).expect("octal"))
}

#[test]
fn where_direct_io_is_refused_the_error_says_unsupported() {
    run(async {
        let error = DioFile::open(REFUSES).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("O_DIRECT"), "{error}");
        let error = DioFile::from_std(std::fs::File::open(REFUSES)?).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        Ok(())
    });
}

#[test]
fn direct_or_buffered_falls_back_and_takes_any_request_as_it_is() {
    run(async {
        let file = DioOptions::new()
            .read(true)
            .direct_or_buffered(true)
            .open(REFUSES)
            .await?;
        assert!(!file.is_direct() && !file.polls());
        assert_eq!(flags(&file)? & libc::O_DIRECT, 0);
        assert_eq!(
            (file.alignment().memory(), file.alignment().offset()),
            (1, 1)
        );
        let (count, buf) = file.read_aligned(Vec::with_capacity(10), 3).await;
        assert_eq!(count?, 10);
        assert_eq!(buf, std::fs::read(REFUSES)?[3..13]);
        Ok(())
    });
}

#[test]
fn direct_or_buffered_is_direct_where_that_works() {
    run(async {
        let dir = TempDir::new();
        let mut options = DioFile::options();
        options
            .write(true)
            .create_new(true)
            .direct_or_buffered(true);
        let file = options.open(dir.join("f")).await?;
        assert!(file.is_direct());
        assert_ne!(flags(&file)? & libc::O_DIRECT, 0);
        let again = options.open(dir.join("f")).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        Ok(())
    });
}

#[test]
fn the_alignment_is_what_the_kernel_takes() {
    run(async {
        let dir = TempDir::new();
        let file = DioFile::create(dir.join("f")).await?;
        assert!(file.is_direct());
        let align = file.alignment();
        assert!(align.offset().is_power_of_two() && align.memory().is_power_of_two());
        let block = align.offset() as usize;
        let aligned = io2::buf::AlignedBuf::zeroed(block, align.memory());
        assert_eq!(file.write_aligned(aligned, align.offset()).await.0?, block);
        Ok(())
    });
}

#[test]
fn where_no_alignment_is_reported_a_page_is_assumed() {
    let shared = Path::new("/dev/shm");
    if !shared.is_dir() {
        return io2_tests::skip("no /dev/shm: a file system in memory");
    }
    let path = shared.join(format!("io2-dio-{}", std::process::id()));
    run(async {
        let file = match DioFile::create(&path).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                // Before Linux 6.6 it has no direct I/O.
                io2_tests::skip("the file system in memory refuses direct I/O");
                return Ok(());
            }
            result => result?,
        };
        assert_eq!(
            (file.alignment().memory(), file.alignment().offset()),
            (4096, 4096)
        );
        assert!(!file.polls());
        file.write_all_at(vec![3; 5_000], 100).await.0?;
        assert_eq!(file.size().await?, 5_100);
        let (count, buf) = file.read_at(vec![0; 6_000], 99).await;
        assert_eq!(count?, 5_001);
        assert!(buf[0] == 0 && buf[1..].iter().all(|&byte| byte == 3));
        Ok(())
    });
    std::fs::remove_file(&path).expect("the file was made");
}

#[test]
fn create_empties_a_file_and_options_have_the_rules_of_any_file() {
    run(async {
        let dir = TempDir::new();
        let path = dir.file("f", "contents");
        assert_eq!(DioFile::create(&path).await?.size().await?, 0);
        let missing = DioFile::open(dir.join("missing")).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let nothing = DioOptions::new().open(&path).await.unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::InvalidInput);
        let mut options = DioOptions::new();
        options.write(true).custom_flags(libc::O_APPEND);
        let append = options.open(&path).await.unwrap_err();
        assert_eq!(append.kind(), ErrorKind::InvalidInput);
        Ok(())
    });
}

#[test]
fn what_has_no_blocks_is_refused() {
    run(async {
        let (reader, _writer) = io::pipe()?;
        let pipe = std::fs::File::from(OwnedFd::from(reader));
        assert_eq!(
            DioFile::from_std(pipe).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        let mut options = DioOptions::new();
        options.read(true).direct_or_buffered(true);
        for path in ["/dev/null", "/"] {
            let error = options.open(path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{path}");
        }
        Ok(())
    });
}

#[test]
fn a_file_comes_from_the_blocking_world_and_goes_back() {
    run(async {
        let dir = TempDir::new();
        let path = dir.file("f", vec![1; 1_000]);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let file = DioFile::from_std(file)?;
        assert_ne!(flags(&file)? & libc::O_DIRECT, 0);
        file.write_all_at(vec![2; 10], 995).await.0?;
        let clone = file.try_clone()?;
        let file = file.into_std().expect("nothing is in flight");
        assert_eq!(file.metadata()?.len(), 1_005);
        drop(file);
        assert_eq!(
            clone.size().await?,
            1_005,
            "a clone has a descriptor of its own"
        );

        let mut write = Box::pin(clone.write_at(vec![3; 10], 0));
        assert!(io2_tests::polling::once(&mut write).await.is_none());
        drop(write);
        let busy = clone.into_std().expect_err("a widened write is under way");
        busy.close().await?;
        assert_eq!(
            std::fs::read(&path)?[..11],
            [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1]
        );

        let append = OpenOptions::new().append(true).open(&path)?;
        assert_eq!(
            DioFile::from_std(append).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        Ok(())
    });
}

#[test]
fn a_file_that_is_open_for_writing_alone_takes_whole_blocks() {
    run(async {
        let dir = TempDir::new();
        let path = dir.file("f", "");
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .custom_flags(libc::O_DIRECT)
            .open(&path)?;
        let file = DioFile::from_std(file)?;
        let block = file.alignment().offset() as usize;
        assert_eq!(file.write_at(vec![1; 2 * block], 0).await.0?, 2 * block);
        let (written, buf) = file.write_at(vec![2; 10], 0).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(buf, [2; 10]);
        assert_eq!(std::fs::read(&path)?, vec![1; 2 * block]);
        Ok(())
    });
}

#[test]
fn syncs_lengths_and_room_are_those_of_the_file() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = DioFile::create(&path).await?;
        file.write_all_at(vec![1; 700], 0).await.0?;
        file.sync_data().await?;
        file.sync_all().await?;
        file.set_len(300).await?;
        assert_eq!(file.size().await?, 300);
        file.set_len(900).await?;
        let (count, buf) = file.read_at(vec![9; 2_000], 0).await;
        assert_eq!(count?, 900);
        assert!(buf[..300].iter().all(|&byte| byte == 1) && buf[300..].iter().all(|&b| b == 0));
        file.allocate(0, 1 << 20).await?;
        assert_eq!(file.metadata().await?.len(), 1 << 20);
        let error = file.set_len(u64::MAX).await.unwrap_err();
        assert!(
            matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EFBIG)),
            "{error}"
        );
        let (end, buf) = file.read_exact_at(vec![9; 10], (1 << 20) - 5).await;
        assert_eq!(end.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(buf.len(), 5);
        Ok(())
    });
}
