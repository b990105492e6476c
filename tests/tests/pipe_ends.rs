//! Pipes: order, ends, cancellation, descriptors.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use io2::ExecutorConfig;
use io2::buf::IoBuf;
use io2::pipe::{PipeReader, PipeWriter, pipe};
use io2_tests::{child, descriptors, polling};

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

#[test]
fn what_is_written_is_read_in_order_also_when_it_does_not_fit() {
    run(async {
        let (reader, writer) = pipe()?;
        let sent: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        let write = io2::spawn(async move { writer.write_all(sent).await.0 });
        let (result, first) = reader.read_exact(vec![0; 5]).await;
        result?;
        let rest = reader.read_to_end().await?;
        assert_eq!(first, expected[..5]);
        assert!(rest == expected[5..]);
        write.await
    });
}

#[test]
fn the_end_comes_when_the_last_writer_is_closed() {
    run(async {
        let (reader, writer) = pipe()?;
        let second = writer.try_clone()?;
        writer.close().await?;
        let mut read = reader.read(vec![0; 8]);
        assert!(polling::once(&mut read).await.is_none());
        second.write_all("ab").await.0?;
        assert_eq!(read.await.1, b"ab");
        drop(second);
        assert_eq!(reader.read(vec![0; 8]).await.0?, 0);
        let (result, buf) = reader.read_exact(vec![7; 2]).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(buf.capacity(), 2);
        Ok(())
    });
}

#[test]
fn a_write_fails_when_the_last_reader_is_closed_and_gives_the_buffer_back() {
    run(async {
        let (reader, writer) = pipe()?;
        let second = reader.try_clone()?;
        reader.close().await?;
        writer.write_all("somebody may read this").await.0?;
        // In flight, since the pipe is full, when the last reader goes.
        let mut write = writer.write(vec![1; 1 << 20]);
        assert!(polling::once(&mut write).await.is_none());
        io2::yield_now().await;
        second.close().await?;
        let (result, buf) = write.await;
        match result {
            // What fitted.
            Ok(count) => assert!((1..1 << 20).contains(&count), "{count}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::BrokenPipe),
        }
        assert_eq!(buf.len(), 1 << 20);
        let (result, buf) = writer.write_all(buf).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(buf.len(), 1 << 20);
        Ok(())
    });
}

#[test]
fn vectored_calls_go_through_the_buffers_in_turn() {
    run(async {
        let (reader, writer) = pipe()?;
        let (result, _) = writer.write_vectored(["one ", "two ", "three"]).await;
        assert_eq!(result?, 13);
        let bufs = [Vec::with_capacity(6), Vec::with_capacity(100)];
        let (result, bufs) = reader.read_vectored(bufs).await;
        assert_eq!(result?, 13);
        assert_eq!(bufs, [b"one tw".to_vec(), b"o three".to_vec()]);
        let (result, slice) = writer.write("0123456789".slice(3..5)).await;
        assert_eq!((result?, slice.into_inner()), (2, "0123456789"));
        assert_eq!(reader.read(vec![0; 8]).await.1, b"34");
        Ok(())
    });
}

#[test]
fn a_read_that_is_stopped_takes_nothing() {
    run(async {
        let (reader, writer) = pipe()?;
        let (result, buf) = reader
            .read(vec![9; 8])
            .timeout(Duration::from_millis(1))
            .await;
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
fn an_end_goes_to_std_and_back_but_not_while_it_is_used() {
    run(async {
        let (reader, writer) = pipe()?;
        let mut read = reader.read(vec![0; 8]);
        assert!(polling::once(&mut read).await.is_none());
        let reader = reader.into_owned_fd().unwrap_err();
        writer.write_all("x").await.0?;
        assert_eq!(read.await.0?, 1);
        let fd: OwnedFd = reader.into_owned_fd().expect("nothing is in flight");
        let reader = PipeReader::from(fd);
        let fd: OwnedFd = writer.into_owned_fd().expect("nothing is in flight");
        let writer = PipeWriter::from(fd);
        writer.write_all("y").await.0?;
        assert_eq!(reader.read(vec![0; 8]).await.1, b"y");

        let mut write = writer.write(vec![0; 1 << 20]);
        assert!(polling::once(&mut write).await.is_none());
        writer.into_owned_fd().unwrap_err();
        Ok(())
    });
}

#[test]
fn ends_are_not_inherited() {
    run(async {
        let (reader, writer) = pipe()?;
        for fd in [reader.as_fd(), writer.as_fd()] {
            let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()))?;
            let flags = info
                .lines()
                .find_map(|line| line.strip_prefix("flags:"))
                .and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok())
                .expect("the kernel tells the flags");
            assert_ne!(flags & libc::O_CLOEXEC, 0, "{info}");
        }
        Ok(())
    });
}

#[test]
fn pipes_leave_no_descriptor_behind() {
    child::run("pipes_leave_no_descriptor_behind", || {
        let before = descriptors::open();
        run(async {
            for _ in 0..100 {
                let (reader, writer) = pipe()?;
                let (second, third) = (reader.try_clone()?, writer.try_clone()?);
                // Not submitted, dropped in flight, closed, given away.
                drop(second.read(vec![0; 8]));
                polling::once(&mut second.read(vec![0; 8])).await;
                third.close().await?;
                drop(writer.into_owned_fd().expect("nothing is in flight"));
            }
            Ok(())
        });
        assert_eq!(descriptors::open(), before);
    });
}

#[test]
fn without_descriptors_a_pipe_is_an_error_and_leaks_none() {
    let test = "without_descriptors_a_pipe_is_an_error_and_leaks_none";
    child::run_with_files(test, 64, || {
        let before = descriptors::open();
        run(async {
            let mut pipes = Vec::new();
            let error = loop {
                match pipe() {
                    Ok(ends) => pipes.push(ends),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            let (reader, writer) = pipes.pop().expect("there was room for some");
            // One may be left.
            let clones = [reader.try_clone(), reader.try_clone()];
            let refused = clones.into_iter().filter_map(Result::err);
            assert!(
                refused
                    .last()
                    .is_some_and(|error| error.raw_os_error() == Some(libc::EMFILE))
            );
            writer.write_all("still works").await.0?;
            assert_eq!(reader.read(vec![0; 16]).await.1, b"still works");
            Ok(())
        });
        assert_eq!(descriptors::open(), before);
    });
}
