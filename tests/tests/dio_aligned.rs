//! Direct requests that go to the device as they are.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::time::Duration;

use io2::ExecutorConfig;
use io2::buf::{AlignedBuf, IoBuf};
use io2::fs::DioFile;
use io2_tests::polling::once;
use io2_tests::temp::TempDir;

fn run(future: impl Future<Output = io::Result<()>>) {
    let result = ExecutorConfig::new().run(future);
    result
        .expect("the executor starts")
        .expect("the test's I/O works");
}

fn filled(file: &DioFile, len: usize, value: u8) -> AlignedBuf {
    let mut buf = AlignedBuf::new(len, file.alignment().memory());
    buf.resize(len, value);
    buf
}

#[test]
fn what_is_not_aligned_is_refused_with_the_alignment_and_the_buffer() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = DioFile::create(&path).await?;
        let align = file.alignment();
        let block = align.offset() as usize;
        assert!(align.memory() > 1, "this file system wants aligned memory");
        let text = format!("multiples of {block}");
        let wrong = |len: usize, from: usize| filled(&file, from + len, 9).slice(from..);
        for (len, from, offset) in [(block, 0, 1), (block - 1, 0, 0), (block, 1, 0)] {
            let (result, buf) = file.write_aligned(wrong(len, from), offset).await;
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&text), "{error}");
            assert_eq!(buf.len(), len, "the buffer comes back");
            let (result, buf) = file.read_aligned(wrong(len, from), offset).await;
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&text), "{error}");
            assert_eq!(buf.len(), len, "the buffer comes back as it was");
        }
        assert_eq!(std::fs::metadata(&path)?.len(), 0, "nothing was written");
        Ok(())
    });
}

#[test]
fn an_aligned_request_can_be_cancelled_and_has_time_limits() {
    run(async {
        let dir = TempDir::new();
        let file = DioFile::create(dir.join("f")).await?;
        let block = file.alignment().offset() as usize;
        file.write_all_at(vec![1; block], 0).await.0?;
        let (read, buf) = file.read_aligned(filled(&file, block, 0), 0).cancel().await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Interrupted);
        assert_eq!(buf.len(), block);
        let limit = Duration::from_secs(60);
        let (read, buf) = file
            .read_aligned(filled(&file, block, 0), 0)
            .timeout(limit)
            .await;
        assert_eq!(read?, block);
        assert!(buf.iter().all(|&byte| byte == 1));
        let (written, buf) = file
            .write_aligned(filled(&file, block, 2), 0)
            .cancel()
            .await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::Interrupted);
        assert!(buf.iter().all(|&byte| byte == 2));
        Ok(())
    });
}

#[test]
fn an_aligned_write_that_waits_for_a_widened_one_still_obeys_its_limit() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = DioFile::create(&path).await?;
        let block = file.alignment().offset() as usize;
        // A widened write, asked for and not carried on before this task waits for something.
        let mut widened = Box::pin(file.write_at(vec![1; 10], 1));
        assert!(once(&mut widened).await.is_none());
        let limit = Duration::ZERO;
        let (written, buf) = file
            .write_aligned(filled(&file, block, 2), 0)
            .timeout(limit)
            .await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(buf.len(), block);
        assert_eq!(widened.await.0?, 10);
        let (written, _) = file.write_aligned(filled(&file, block, 3), 0).await;
        assert_eq!(
            written?, block,
            "the request that gave up is in nobody's way"
        );
        assert!(std::fs::read(&path)?.iter().all(|&byte| byte == 3));
        Ok(())
    });
}

#[test]
fn a_request_for_nothing_and_one_past_every_file_are_answered() {
    run(async {
        let dir = TempDir::new();
        let file = DioFile::create(dir.join("f")).await?;
        assert_eq!(file.write_at(Vec::new(), 3).await.0?, 0);
        assert_eq!(file.read_at(Vec::new(), 3).await.0?, 0);
        assert_eq!(file.write_aligned(filled(&file, 0, 0), 0).await.0?, 0);
        let (read, buf) = file.read_at(vec![5; 100], u64::MAX - 50).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(buf, [5; 100]);
        let (written, _) = file.write_at(vec![5; 100], i64::MAX as u64 - 50).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::InvalidInput);
        let (read, buf) = file.read_at(vec![5; 100], 1 << 40).await;
        assert_eq!((read?, buf.len()), (0, 0));
        assert_eq!(file.size().await?, 0);
        Ok(())
    });
}
