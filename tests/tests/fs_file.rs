//! Open files: reading, writing, length, metadata, handles.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::time::Duration;

use io2::ExecutorConfig;
use io2::fs::{Advice, File, OpenOptions};
use io2_tests::{polling, temp::TempDir};

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

/// A pipe as two files: the end to read and the end to write.
fn pipe() -> io::Result<(File, File)> {
    let (reader, writer) = io::pipe()?;
    let file = |end: OwnedFd| File::from_std(std::fs::File::from(end));
    Ok((file(reader.into()), file(writer.into())))
}

#[test]
fn a_read_fills_the_capacity_and_sets_the_length() {
    run(async {
        let dir = TempDir::new();
        let file = File::open(dir.file("f", "0123456789")).await?;
        let mut buf = Vec::with_capacity(4);
        buf.push(b'x');
        let capacity = buf.capacity();
        let (result, buf) = file.read_at(buf, 2).await;
        assert_eq!(result?, capacity);
        assert_eq!(buf, b"0123456789"[2..2 + capacity]);
        Ok(())
    });
}

#[test]
fn a_read_past_the_end_is_short_and_then_zero() {
    run(async {
        let dir = TempDir::new();
        let file = File::open(dir.file("f", "0123456789")).await?;
        let (result, buf) = file.read_at(vec![0; 100], 7).await;
        assert_eq!((result?, &buf[..]), (3, &b"789"[..]));
        let (result, buf) = file.read_at(vec![1; 100], 10).await;
        assert_eq!((result?, buf.len()), (0, 0));
        let (result, _) = file.read_at(vec![1; 100], 1 << 40).await;
        assert_eq!(result?, 0);
        Ok(())
    });
}

#[test]
fn a_failed_read_gives_the_buffer_back_as_it_was() {
    run(async {
        let dir = TempDir::new();
        let file = File::create(dir.join("f")).await?;
        let (result, buf) = file.read_at(b"untouched".to_vec(), 0).await;
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert_eq!(buf, b"untouched");
        Ok(())
    });
}

#[test]
fn an_exact_read_fills_the_length_and_not_the_capacity() {
    run(async {
        let dir = TempDir::new();
        let file = File::open(dir.file("f", "0123456789")).await?;
        let mut buf = Vec::with_capacity(64);
        buf.resize(6, 0);
        let (result, buf) = file.read_exact_at(buf, 3).await;
        result?;
        assert_eq!(buf, b"345678");
        let (result, buf) = file.read_exact_at(Vec::with_capacity(64), 0).await;
        result?;
        assert_eq!(buf, b"");
        Ok(())
    });
}

#[test]
fn an_exact_read_past_the_end_says_so_and_gives_what_was_read() {
    run(async {
        let dir = TempDir::new();
        let file = File::open(dir.file("f", "0123456789")).await?;
        let (result, buf) = file.read_exact_at(vec![0; 8], 5).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(buf, b"56789");
        Ok(())
    });
}

#[test]
fn an_exact_read_goes_on_after_short_results() {
    run(async {
        // The kernel makes this file up, a page at a time at most.
        let file = File::open("/proc/kallsyms").await?;
        let short = file.read_at(vec![0; 1 << 16], 0).await.0?;
        assert!((1..1 << 16).contains(&short), "{short}");
        let (result, buf) = file.read_exact_at(vec![0; 1 << 16], 0).await;
        result?;
        assert_eq!(buf, std::fs::read("/proc/kallsyms")?[..1 << 16]);
        Ok(())
    });
}

#[test]
fn a_write_lands_at_its_offset() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = File::create(&path).await?;
        let (result, buf) = file.write_at("tail", 6).await;
        assert_eq!((result?, buf), (4, "tail"));
        file.write_all_at("head", 0).await.0?;
        assert_eq!(std::fs::read(&path)?, b"head\0\0tail");
        Ok(())
    });
}

#[test]
fn an_empty_buffer_reads_and_writes_nothing() {
    run(async {
        let dir = TempDir::new();
        let file = File::create_new(dir.join("f")).await?;
        assert_eq!(file.write_at("", 10).await.0?, 0);
        file.write_all_at("", 10).await.0?;
        assert_eq!(file.size().await?, 0);
        assert_eq!(file.read_at(Vec::new(), 0).await.0?, 0);
        Ok(())
    });
}

#[test]
fn vectored_calls_fill_and_write_the_buffers_in_turn() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = File::create_new(&path).await?;
        let (result, bufs) = file
            .write_vectored_at(("ab", Vec::new(), b"cdefg".to_vec()), 1)
            .await;
        assert_eq!((result?, bufs), (7, ("ab", Vec::new(), b"cdefg".to_vec())));
        assert_eq!(std::fs::read(&path)?, b"\0abcdefg");

        let bufs = [Vec::with_capacity(3), vec![9; 2], vec![9; 100], vec![9; 4]];
        let (result, bufs) = file.read_vectored_at(bufs, 0).await;
        assert_eq!(result?, 8);
        assert_eq!(
            bufs,
            [
                b"\0ab".to_vec(),
                b"cd".to_vec(),
                b"efg".to_vec(),
                Vec::new()
            ]
        );
        Ok(())
    });
}

#[test]
fn vectored_calls_take_as_many_buffers_as_the_kernel_does() {
    run(async {
        let dir = TempDir::new();
        let file = File::create_new(dir.join("f")).await?;
        let (result, _) = file.write_vectored_at(vec!["x"; 1500], 0).await;
        assert_eq!(result?, 1024);
        let bufs: Vec<_> = (0..1500).map(|_| vec![0_u8; 1]).collect();
        let (result, bufs) = file.read_vectored_at(bufs, 0).await;
        assert_eq!(result?, 1024);
        assert_eq!(bufs.iter().filter(|buf| buf[..] == *b"x").count(), 1024);
        assert_eq!(bufs.len(), 1500);
        Ok(())
    });
}

#[test]
fn more_than_one_request_can_move_is_written_in_parts() {
    run(async {
        let null = OpenOptions::new().write(true).open("/dev/null").await?;
        // Fresh zeroes take no memory, and the null device does not look at them.
        if Vec::<u8>::new().try_reserve_exact(3 << 30).is_err() {
            io2_tests::skip("a buffer of 3 GiB is not to be had");
            return Ok(());
        }
        let (result, buf) = null.write_at(vec![0_u8; 3 << 30], 0).await;
        assert_eq!(result?, 0x7fff_f000);
        let (result, buf) = null.write_all_at(buf, 0).await;
        result?;
        assert_eq!(buf.len(), 3 << 30);
        Ok(())
    });
}

#[test]
fn a_pipe_is_read_and_written_at_its_position() {
    run(async {
        let (reader, writer) = pipe()?;
        assert_eq!(writer.write("hello").await.0?, 5);
        let (result, buf) = reader.read(vec![0; 100]).await;
        assert_eq!((result?, &buf[..]), (5, &b"hello"[..]));
        drop(writer);
        assert_eq!(reader.read(vec![0; 100]).await.0?, 0);
        Ok(())
    });
}

#[test]
fn a_sequential_read_moves_the_position_that_clones_share() {
    run(async {
        let dir = TempDir::new();
        let file = File::open(dir.file("f", "0123456789")).await?;
        let clone = file.try_clone()?;
        assert_eq!(file.read(vec![0; 4]).await.1, b"0123");
        assert_eq!(clone.read(vec![0; 4]).await.1, b"4567");
        drop(file);
        assert_eq!(clone.read(vec![0; 4]).await.1, b"89");
        Ok(())
    });
}

#[test]
fn the_greatest_offset_does_not_mean_the_position() {
    run(async {
        let dir = TempDir::new();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(dir.file("f", "abc"))
            .await?;
        let einval = Some(libc::EINVAL);
        let read = file.read_at(vec![0; 3], u64::MAX).await.0;
        assert_eq!(read.unwrap_err().raw_os_error(), einval);
        let write = file.write_all_at("xyz", u64::MAX).await.0;
        assert_eq!(write.unwrap_err().raw_os_error(), einval);
        let read = file.read_vectored_at(vec![vec![0; 3]], u64::MAX).await.0;
        assert_eq!(read.unwrap_err().raw_os_error(), einval);
        assert_eq!(file.read(vec![0; 3]).await.1, b"abc");
        Ok(())
    });
}

#[test]
fn a_file_opened_for_append_is_written_at_its_end() {
    run(async {
        let dir = TempDir::new();
        let path = dir.file("f", "first ");
        let file = OpenOptions::new().append(true).open(&path).await?;
        assert_eq!(file.write_at("second", 0).await.0?, 6);
        assert_eq!(std::fs::read(&path)?, b"first second");
        Ok(())
    });
}

#[test]
fn open_options_follow_the_rules_of_std() {
    run(async {
        for bits in 0..64_u32 {
            let on = |bit: u32| bits & (1 << bit) != 0;
            for exists in [false, true] {
                let dir = TempDir::new();
                let [ours, theirs] = ["ours", "theirs"].map(|name| {
                    if exists {
                        dir.file(name, "contents")
                    } else {
                        dir.join(name)
                    }
                });
                let our_result = OpenOptions::new()
                    .read(on(0))
                    .write(on(1))
                    .append(on(2))
                    .truncate(on(3))
                    .create(on(4))
                    .create_new(on(5))
                    .open(&ours)
                    .await;
                let their_result = std::fs::OpenOptions::new()
                    .read(on(0))
                    .write(on(1))
                    .append(on(2))
                    .truncate(on(3))
                    .create(on(4))
                    .create_new(on(5))
                    .open(&theirs);
                let what = format!("bits {bits:06b}, exists {exists}");
                match (our_result, their_result) {
                    (Ok(file), Ok(_)) => {
                        assert_eq!(std::fs::read(&ours)?, std::fs::read(&theirs)?, "{what}");
                        assert_eq!(file.read_at(vec![0; 4], 0).await.0.is_ok(), on(0), "{what}");
                        let writes = on(1) || on(2);
                        assert_eq!(file.write_at("x", 0).await.0.is_ok(), writes, "{what}");
                    }
                    (Err(ours), Err(theirs)) => assert_eq!(ours.kind(), theirs.kind(), "{what}"),
                    (ours, theirs) => panic!("{what}: {ours:?}, std {theirs:?}"),
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_new_file_has_the_mode_asked_for() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .mode(0o400)
            .open(&path)
            .await?;
        assert_eq!(file.metadata().await?.mode() & 0o7777, 0o400);
        Ok(())
    });
}

#[test]
fn custom_flags_reach_the_kernel_but_not_the_access_mode() {
    run(async {
        let dir = TempDir::new();
        dir.file("f", "abc");
        std::os::unix::fs::symlink("f", dir.join("link"))?;
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_RDWR);
        let error = options.open(dir.join("link")).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        let file = options.open(dir.join("f")).await?;
        assert_eq!(
            file.write_at("x", 0).await.0.unwrap_err().raw_os_error(),
            Some(libc::EBADF)
        );
        Ok(())
    });
}

#[test]
fn a_file_is_closed_on_exec() {
    run(async {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(0)
            .open("/dev/null")
            .await?;
        for file in [file.try_clone()?, file] {
            let info = format!("/proc/self/fdinfo/{}", file.as_fd().as_raw_fd());
            let info = std::fs::read_to_string(info)?;
            let flags = info
                .lines()
                .find_map(|line| line.strip_prefix("flags:"))
                .unwrap();
            let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
            assert_ne!(flags & libc::O_CLOEXEC, 0, "{info}");
        }
        Ok(())
    });
}

#[test]
fn the_length_is_set_both_ways() {
    run(async {
        let dir = TempDir::new();
        let path = dir.file("f", "0123456789");
        let file = OpenOptions::new().write(true).open(&path).await?;
        file.set_len(4).await?;
        assert_eq!(std::fs::read(&path)?, b"0123");
        file.set_len(6).await?;
        assert_eq!(std::fs::read(&path)?, b"0123\0\0");
        assert_eq!(file.size().await?, 6);
        // No file can be that long, and no error of ours may hide that.
        let error = file.set_len(u64::MAX).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let file = File::open(&path).await?;
        let error = file.set_len(0).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        assert_eq!(file.size().await?, 6);
        Ok(())
    });
}

#[test]
fn allocating_makes_room_and_keeps_the_contents() {
    run(async {
        let dir = TempDir::new();
        let path = dir.file("f", "abc");
        let file = OpenOptions::new().write(true).open(&path).await?;
        file.allocate(4096, 1 << 16).await?;
        let metadata = file.metadata().await?;
        assert_eq!(metadata.len(), 4096 + (1 << 16));
        assert!(
            metadata.blocks() * 512 >= 1 << 16,
            "{} blocks",
            metadata.blocks()
        );
        assert_eq!(&std::fs::read(&path)?[..4], b"abc\0");
        let error = file.allocate(0, 0).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        Ok(())
    });
}

#[test]
fn advice_of_every_kind_is_taken_on_files_and_refused_on_pipes() {
    run(async {
        let dir = TempDir::new();
        let file = File::open(dir.file("f", vec![1; 1 << 16])).await?;
        let kinds = [
            Advice::Normal,
            Advice::Sequential,
            Advice::Random,
            Advice::NoReuse,
            Advice::WillNeed,
            Advice::DontNeed,
        ];
        for kind in kinds {
            file.advise(0, 0, kind).await?;
            file.advise(4096, 4096, kind).await?;
            file.advise(0, 1 << 32, kind).await?;
            file.advise(0, u64::MAX, kind).await?;
        }
        let (reader, _writer) = pipe()?;
        let error = reader.advise(0, 0, Advice::Normal).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ESPIPE));
        Ok(())
    });
}

#[test]
fn syncing_works_on_files_and_is_refused_on_pipes() {
    run(async {
        let dir = TempDir::new();
        let file = File::create(dir.join("f")).await?;
        file.write_all_at(vec![3; 10_000], 0).await.0?;
        file.sync_data().await?;
        file.sync_all().await?;
        let (_reader, writer) = pipe()?;
        for sync in [writer.sync_all(), writer.sync_data()] {
            assert_eq!(sync.await.unwrap_err().raw_os_error(), Some(libc::EINVAL));
        }
        Ok(())
    });
}

#[test]
fn metadata_is_what_std_says() {
    run(async {
        let dir = TempDir::new();
        let path = dir.file("f", vec![1; 70_000]);
        let file = File::open(&path).await?;
        let std = std::fs::metadata(&path)?;
        for ours in [file.metadata().await?, io2::fs::metadata(&path).await?] {
            assert_eq!(ours.dev(), std.dev());
            assert_eq!(ours.ino(), std.ino());
            assert_eq!(ours.mode(), std.mode());
            assert_eq!(ours.nlink(), std.nlink());
            assert_eq!(ours.uid(), std.uid());
            assert_eq!(ours.gid(), std.gid());
            assert_eq!(ours.rdev(), std.rdev());
            assert_eq!(ours.len(), std.len());
            assert_eq!(
                (ours.atime(), ours.atime_nsec()),
                (std.atime(), std.atime_nsec())
            );
            assert_eq!(
                (ours.mtime(), ours.mtime_nsec()),
                (std.mtime(), std.mtime_nsec())
            );
            assert_eq!(
                (ours.ctime(), ours.ctime_nsec()),
                (std.ctime(), std.ctime_nsec())
            );
            assert_eq!(ours.blksize(), std.blksize());
            assert_eq!(ours.blocks(), std.blocks());
            assert_eq!(ours.modified()?, std.modified()?);
            assert_eq!(ours.accessed()?, std.accessed()?);
            assert_eq!(ours.created().ok(), std.created().ok());
            assert_eq!(ours.permissions(), std.permissions());
        }
        Ok(())
    });
}

#[test]
fn times_before_1970_are_told_right() {
    run(async {
        let dir = TempDir::new();
        let path = dir.file("f", "");
        let time = std::time::UNIX_EPOCH - std::time::Duration::from_millis(1_250);
        std::fs::File::options()
            .write(true)
            .open(&path)?
            .set_modified(time)?;
        let metadata = io2::fs::metadata(&path).await?;
        assert_eq!(metadata.modified()?, time);
        assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (-2, 750_000_000));
        Ok(())
    });
}

#[test]
fn the_file_type_tells_files_directories_links_sockets_pipes_and_devices_apart() {
    run(async {
        let dir = TempDir::new();
        let _socket = std::os::unix::net::UnixListener::bind(dir.join("socket"))?;
        std::os::unix::fs::symlink("socket", dir.join("link"))?;
        let kind = async |path| io2::fs::symlink_metadata(path).await.map(|m| m.file_type());
        assert!(kind(dir.file("f", "")).await?.is_file());
        assert!(kind(dir.path().to_owned()).await?.is_dir());
        assert!(kind(dir.join("link")).await?.is_symlink());
        assert!(kind(dir.join("socket")).await?.is_socket());
        assert!(kind("/dev/null".into()).await?.is_char_device());
        assert!(
            io2::fs::metadata(dir.join("link"))
                .await?
                .file_type()
                .is_socket()
        );
        let (reader, _writer) = pipe()?;
        let fifo = reader.metadata().await?.file_type();
        assert!(fifo.is_fifo() && !fifo.is_file() && !fifo.is_block_device());
        assert_eq!(format!("{fifo:?}"), "Fifo");
        Ok(())
    });
}

#[test]
fn permissions_are_set_on_an_open_file() {
    run(async {
        let dir = TempDir::new();
        let file = File::create(dir.join("f")).await?;
        file.set_permissions(std::fs::Permissions::from_mode(0o640))
            .await?;
        assert_eq!(std::fs::metadata(dir.join("f"))?.mode() & 0o7777, 0o640);
        Ok(())
    });
}

#[test]
fn a_file_goes_to_std_and_back() {
    run(async {
        let dir = TempDir::new();
        let file = File::from(std::fs::File::open(dir.file("f", "abc"))?);
        let std = file.into_std().expect("nothing holds it");
        assert_eq!(io::read_to_string(std)?, "abc");
        Ok(())
    });
}

#[test]
fn pipes_and_terminals_that_do_not_block_are_waited_for_all_the_same() {
    run(async {
        let mut options = std::fs::File::options();
        options.read(true).write(true);
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let (_reader, writer) = io::pipe()?;
        let pipe = options.open(format!("/proc/self/fd/{}", writer.as_raw_fd()))?;
        for file in [pipe, options.open("/dev/ptmx")?] {
            let read = File::from_std(file).read(vec![0; 8]);
            let (result, _) = read.timeout(Duration::from_millis(1)).await;
            assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
        }
        Ok(())
    });
}

#[test]
fn a_read_that_is_stopped_gives_the_buffer_back_and_takes_no_data() {
    run(async {
        let (reader, writer) = pipe()?;
        let mut read = reader.read(vec![9; 8]);
        assert!(polling::once(&mut read).await.is_none());
        let (result, buf) = read.cancel().await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Interrupted);
        assert_eq!(buf, [9; 8]);

        let mut read = reader.read(vec![9; 8]);
        assert!(polling::once(&mut read).await.is_none());
        let (result, buf) = read.timeout(Duration::from_millis(1)).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(buf, [9; 8]);

        let mut read = reader.read(vec![9; 8]);
        assert!(polling::once(&mut read).await.is_none());
        drop(read);
        writer.write_all("all of it").await.0?;
        assert_eq!(reader.read(vec![0; 16]).await.1, b"all of it");
        Ok(())
    });
}

#[test]
fn a_write_that_times_out_says_how_much_went_through() {
    run(async {
        let (reader, writer) = pipe()?;
        // More than a pipe holds, and nobody reads.
        let write = writer.write(vec![5; 1 << 20]);
        let (result, buf) = write.timeout(Duration::from_millis(20)).await;
        let written = result?;
        assert!((1..1 << 20).contains(&written), "{written}");
        assert_eq!(buf.len(), 1 << 20);
        drop(writer);
        let mut read = 0;
        loop {
            match reader.read(vec![0; 1 << 16]).await.0? {
                0 => break,
                count => read += count,
            }
        }
        assert_eq!(read, written);
        Ok(())
    });
}

#[test]
fn an_operation_holds_its_file_back_from_std() {
    run(async {
        let dir = TempDir::new();
        let file = File::open(dir.file("f", "abc")).await?;
        let read = file.read_at(vec![0; 3], 0);
        let file = std::fs::File::try_from(file).expect_err("the read holds it");
        assert_eq!(read.await.1, b"abc");
        file.into_std().expect("nothing holds it any more");
        Ok(())
    });
}

#[test]
fn closing_says_that_it_went_well() {
    run(async {
        let dir = TempDir::new();
        let file = File::create(dir.join("f")).await?;
        let read = file.write_at("late", 0);
        let raw = file.as_fd().as_raw_fd();
        drop(read);
        file.close().await?;
        let link = std::fs::read_link(format!("/proc/self/fd/{raw}"));
        assert!(link.is_err() || link.is_ok_and(|target| target != dir.join("f")));
        Ok(())
    });
}
