//! Files read, written and copied as a whole.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use io2::ExecutorConfig;
use io2::fs;
use io2_tests::temp::TempDir;

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

/// Bytes that differ from place to place.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn files_of_any_length_are_read_whole() {
    run(async {
        let dir = TempDir::new();
        for len in [0, 1, 4095, 4096, 4097, 3 << 20] {
            let contents = pattern(len);
            let read = fs::read(dir.file("f", &contents)).await?;
            assert!(read == contents, "{len}");
        }
        Ok(())
    });
}

#[test]
fn files_that_do_not_know_their_length_are_read_to_the_end() {
    run(async {
        let path = "/proc/kallsyms";
        assert_eq!(fs::metadata(path).await?.len(), 0);
        let read = fs::read(path).await?;
        assert!(read.len() > 1 << 16 && read == std::fs::read(path)?);
        // A pipe has no offsets either.
        let (reader, mut writer) = io::pipe()?;
        let sender =
            std::thread::spawn(move || io::Write::write_all(&mut writer, &pattern(1 << 20)));
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        let read = fs::read(path).await?;
        sender.join().unwrap()?;
        assert!(read == pattern(1 << 20));
        Ok(())
    });
}

#[test]
fn text_must_be_text() {
    run(async {
        let dir = TempDir::new();
        assert_eq!(fs::read_to_string(dir.file("f", "grüße")).await?, "grüße");
        let error = fs::read_to_string(dir.file("f", b"\xff"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        Ok(())
    });
}

#[test]
fn writing_a_file_replaces_its_contents() {
    run(async {
        let dir = TempDir::new();
        let path = dir.file("f", "something longer");
        let (result, buf) = fs::write(&path, "short").await;
        result?;
        assert_eq!(buf, "short");
        assert_eq!(std::fs::read(&path)?, b"short");
        let (result, buf) = fs::write(dir.join("no/such/dir"), "kept").await;
        assert_eq!(
            (result.unwrap_err().kind(), buf),
            (ErrorKind::NotFound, "kept")
        );
        fs::write("/dev/null", pattern(1 << 20)).await.0?;
        Ok(())
    });
}

#[test]
fn a_copy_has_the_contents_and_the_permissions() {
    run(async {
        let dir = TempDir::new();
        for len in [0, 1, 100_000] {
            let contents = pattern(len);
            let from = dir.file("from", &contents);
            std::fs::set_permissions(&from, std::fs::Permissions::from_mode(0o754))?;
            let to = dir.file("to", pattern(200_000));
            assert_eq!(fs::copy(&from, &to).await?, len as u64);
            assert!(std::fs::read(&to)? == contents, "{len}");
            assert_eq!(std::fs::metadata(&to)?.mode() & 0o7777, 0o754);
            assert_eq!(
                fs::copy(&from, dir.join(format!("new {len}"))).await?,
                len as u64
            );
            assert!(
                std::fs::read(dir.join(format!("new {len}")))? == contents,
                "{len}"
            );
        }
        Ok(())
    });
}

#[test]
fn a_copy_tells_its_progress() {
    run(async {
        let dir = TempDir::new();
        let len = (20 << 20) + 5;
        let from = dir.file("from", pattern(len as usize));
        let mut steps = Vec::new();
        let copied = fs::copy_with(&from, dir.join("to"), |done, total| {
            assert_eq!(total, len);
            steps.push(done);
        })
        .await?;
        assert_eq!(copied, len);
        assert!(steps.len() >= 2, "{steps:?}");
        assert!(steps.is_sorted_by(|a, b| a < b), "{steps:?}");
        assert_eq!(steps.last(), Some(&len));
        assert!(std::fs::read(dir.join("to"))? == std::fs::read(from)?);
        Ok(())
    });
}

#[test]
fn a_file_whose_length_is_not_known_is_copied() {
    run(async {
        let dir = TempDir::new();
        let copied = fs::copy("/proc/kallsyms", dir.join("to")).await?;
        let copy = std::fs::read(dir.join("to"))?;
        assert!(copied == copy.len() as u64 && copy == std::fs::read("/proc/kallsyms")?);
        Ok(())
    });
}

#[test]
fn a_file_is_not_copied_to_itself() {
    run(async {
        let dir = TempDir::new();
        let file = dir.file("f", "unharmed");
        std::fs::hard_link(&file, dir.join("second name"))?;
        for to in [file.clone(), dir.join("second name")] {
            let error = fs::copy(&file, to).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(std::fs::read(&file)?, b"unharmed");
        Ok(())
    });
}

#[test]
fn a_copy_that_cannot_be_says_why() {
    run(async {
        let dir = TempDir::new();
        let file = dir.file("f", "");
        let error = fs::copy(dir.join("nothing"), dir.join("to"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(!dir.join("to").exists());
        let error = fs::copy(dir.path(), dir.join("to")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = fs::copy(&file, dir.path()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
        dir.file("full", pattern(10_000));
        let error = fs::copy(dir.join("full"), "/dev/full").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        Ok(())
    });
}
