//! Calls on paths: names, links, directories, permissions.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::pin::pin;

use io2::ExecutorConfig;
use io2::fs;
use io2_tests::{polling, temp::TempDir};

/// Runs a test's future in an executor.
fn run(future: impl Future<Output = io::Result<()>>) {
    ExecutorConfig::new()
        .run(future)
        .expect("the executor starts")
        .expect("the test's I/O works");
}

#[test]
fn renaming_replaces_a_file() {
    run(async {
        let dir = TempDir::new();
        let (new, old) = (dir.file("new", "new"), dir.file("old", "old"));
        fs::rename(&new, &old).await?;
        assert_eq!(std::fs::read(&old)?, b"new");
        assert!(!new.exists());
        let error = fs::rename(&new, &old).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn removing_a_file_leaves_directories_and_what_links_point_to() {
    run(async {
        let dir = TempDir::new();
        let file = dir.file("f", "");
        std::fs::create_dir(dir.join("d"))?;
        std::os::unix::fs::symlink("f", dir.join("link"))?;
        fs::remove_file(dir.join("link")).await?;
        assert!(file.exists());
        fs::remove_file(&file).await?;
        assert!(!file.exists());
        let error = fs::remove_file(dir.join("d")).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EISDIR));
        let error = fs::remove_file(&file).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn only_an_empty_directory_is_removed() {
    run(async {
        let dir = TempDir::new();
        fs::create_dir(dir.join("d")).await?;
        let file = dir.file("d/f", "");
        let error = fs::remove_dir(dir.join("d")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
        let error = fs::remove_dir(&file).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        std::fs::remove_file(file)?;
        fs::remove_dir(dir.join("d")).await?;
        assert!(!dir.join("d").exists());
        Ok(())
    });
}

#[test]
fn a_directory_is_removed_with_all_that_is_in_it_and_nothing_else() {
    run(async {
        let dir = TempDir::new();
        let outside = dir.file("outside", "kept");
        std::fs::create_dir_all(dir.join("d/a/b"))?;
        dir.file("d/a/f", "");
        std::os::unix::fs::symlink(dir.path(), dir.join("d/a/b/link"))?;
        fs::remove_dir_all(dir.join("d")).await?;
        assert!(!dir.join("d").exists());
        assert_eq!(std::fs::read(outside)?, b"kept");
        let error = fs::remove_dir_all(dir.join("d")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn one_directory_is_made_and_no_more() {
    run(async {
        let dir = TempDir::new();
        fs::create_dir(dir.join("d")).await?;
        assert!(dir.join("d").is_dir());
        let error = fs::create_dir(dir.join("d")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        let error = fs::create_dir(dir.join("a/b")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn missing_directories_are_made_all() {
    run(async {
        let dir = TempDir::new();
        let deep = dir.join("a/b/./c/d");
        fs::create_dir_all(&deep).await?;
        assert!(deep.is_dir());
        // All, some and none there.
        fs::create_dir_all(&deep).await?;
        fs::create_dir_all(dir.join("a/b/x/y")).await?;
        assert!(dir.join("a/b/x/y").is_dir());
        fs::create_dir_all("").await?;
        fs::create_dir_all("/").await?;
        fs::create_dir_all(".").await?;
        // A link to a directory is as good as one; a file is not, nor a link to nowhere.
        std::os::unix::fs::symlink("a", dir.join("link"))?;
        fs::create_dir_all(dir.join("link/z")).await?;
        assert!(dir.join("a/z").is_dir());
        let file = dir.file("f", "");
        let error = fs::create_dir_all(&file).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        let error = fs::create_dir_all(file.join("d/e")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        std::os::unix::fs::symlink("nowhere", dir.join("dangling"))?;
        let error = fs::create_dir_all(dir.join("dangling")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        Ok(())
    });
}

#[test]
fn links_of_both_kinds_are_made_and_followed() {
    run(async {
        let dir = TempDir::new();
        let file = dir.file("f", "contents");
        fs::hard_link(&file, dir.join("hard")).await?;
        assert_eq!(
            std::fs::metadata(dir.join("hard"))?.ino(),
            std::fs::metadata(&file)?.ino()
        );
        let error = fs::hard_link(&file, dir.join("hard")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);

        fs::symlink("f", dir.join("soft")).await?;
        assert_eq!(fs::read_link(dir.join("soft")).await?, Path::new("f"));
        assert_eq!(fs::read(dir.join("soft")).await?, b"contents");
        let error = fs::read_link(&file).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);

        // The second name is one of the link, not of the file.
        fs::hard_link(dir.join("soft"), dir.join("soft2")).await?;
        assert!(fs::symlink_metadata(dir.join("soft2")).await?.is_symlink());
        Ok(())
    });
}

#[test]
fn metadata_follows_links_or_not_as_asked() {
    run(async {
        let dir = TempDir::new();
        let file = dir.file("f", "1234");
        std::os::unix::fs::symlink("f", dir.join("link"))?;
        assert_eq!(fs::metadata(dir.join("link")).await?.len(), 4);
        let link = fs::symlink_metadata(dir.join("link")).await?;
        assert!(link.is_symlink() && !link.is_file());
        assert_eq!(
            link.ino(),
            std::fs::symlink_metadata(dir.join("link"))?.ino()
        );
        std::fs::remove_file(file)?;
        let error = fs::metadata(dir.join("link")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn existence_is_yes_no_or_an_error() {
    run(async {
        let dir = TempDir::new();
        let file = dir.file("f", "");
        assert!(fs::try_exists(&file).await?);
        assert!(fs::try_exists(dir.path()).await?);
        assert!(!fs::try_exists(dir.join("nothing")).await?);
        std::os::unix::fs::symlink("nowhere", dir.join("dangling"))?;
        assert!(!fs::try_exists(dir.join("dangling")).await?);
        let error = fs::try_exists(file.join("below")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        Ok(())
    });
}

#[test]
fn a_path_is_made_canonical() {
    run(async {
        let dir = TempDir::new();
        dir.file("f", "");
        fs::symlink("f", dir.join("link")).await?;
        let canonical = fs::canonicalize(dir.join("./link")).await?;
        assert_eq!(canonical, std::fs::canonicalize(dir.join("f"))?);
        let error = fs::canonicalize(dir.join("nothing")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn permissions_are_set_by_path() {
    run(async {
        let dir = TempDir::new();
        let file = dir.file("f", "");
        fs::set_permissions(&file, std::fs::Permissions::from_mode(0o604)).await?;
        assert_eq!(fs::metadata(&file).await?.mode() & 0o7777, 0o604);
        Ok(())
    });
}

#[test]
fn every_entry_of_a_directory_is_listed_once() {
    run(async {
        let dir = TempDir::new();
        // More than one visit to the pool brings.
        let names: BTreeSet<_> = (0..500).map(|number| format!("file {number}")).collect();
        for name in &names {
            dir.file(name, "");
        }
        let mut entries = fs::read_dir(dir.path()).await?;
        let mut listed = BTreeSet::new();
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name().into_string().unwrap();
            assert_eq!(entry.path(), dir.join(&name));
            assert_eq!(entry.ino(), std::fs::metadata(entry.path())?.ino());
            assert!(entry.file_type().await?.is_file());
            assert!(listed.insert(name), "{entry:?} came twice");
        }
        assert_eq!(listed, names);
        assert!(entries.next_entry().await?.is_none());
        Ok(())
    });
}

#[test]
fn entries_tell_their_type_without_following_links() {
    run(async {
        let dir = TempDir::new();
        fs::symlink("nowhere", dir.join("link")).await?;
        let mut entries = fs::read_dir(dir.path()).await?;
        let entry = entries.next_entry().await?.unwrap();
        assert!(entry.file_type().await?.is_symlink());
        assert!(entry.metadata().await?.is_symlink());
        Ok(())
    });
}

#[test]
fn a_listing_that_is_dropped_while_it_waits_loses_no_entry() {
    run(async {
        let dir = TempDir::new();
        for number in 0..200 {
            dir.file(&number.to_string(), "");
        }
        let mut entries = fs::read_dir(dir.path()).await?;
        let mut listed = 0;
        loop {
            // Each call is polled once, and if that does not do it dropped and made again.
            let first = {
                let mut call = pin!(entries.next_entry());
                polling::once(&mut call).await
            };
            let entry = match first {
                Some(entry) => entry?,
                None => entries.next_entry().await?,
            };
            if entry.is_none() {
                break;
            }
            listed += 1;
        }
        assert_eq!(listed, 200);
        Ok(())
    });
}

#[test]
fn what_is_no_directory_is_not_listed() {
    run(async {
        let dir = TempDir::new();
        let error = fs::read_dir(dir.file("f", "")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        let error = fs::read_dir(dir.join("nothing")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn a_path_need_not_be_text() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join(OsStr::from_bytes(b"\xff\xfe"));
        fs::write(&path, "x").await.0?;
        assert_eq!(std::fs::read(&path)?, b"x");
        let mut entries = fs::read_dir(dir.path()).await?;
        assert_eq!(entries.next_entry().await?.unwrap().path(), path);
        Ok(())
    });
}

#[test]
fn a_path_with_a_nul_is_invalid_input_everywhere() {
    run(async {
        let (nul, good) = ("a\0b", "/dev/null");
        let mut errors = vec![
            ("open", fs::File::open(nul).await.err()),
            ("create", fs::File::create(nul).await.err()),
            ("read", fs::read(nul).await.err()),
            ("read_to_string", fs::read_to_string(nul).await.err()),
            ("copy from", fs::copy(nul, good).await.err()),
            ("copy to", fs::copy("/proc/version", nul).await.err()),
            ("metadata", fs::metadata(nul).await.err()),
            ("symlink_metadata", fs::symlink_metadata(nul).await.err()),
            ("rename from", fs::rename(nul, good).await.err()),
            ("rename to", fs::rename(good, nul).await.err()),
            ("remove_file", fs::remove_file(nul).await.err()),
            ("remove_dir", fs::remove_dir(nul).await.err()),
            ("remove_dir_all", fs::remove_dir_all(nul).await.err()),
            ("create_dir", fs::create_dir(nul).await.err()),
            ("create_dir_all", fs::create_dir_all(nul).await.err()),
            ("hard_link from", fs::hard_link(nul, good).await.err()),
            ("hard_link to", fs::hard_link(good, nul).await.err()),
            ("symlink from", fs::symlink(nul, good).await.err()),
            ("symlink to", fs::symlink(good, nul).await.err()),
            ("read_link", fs::read_link(nul).await.err()),
            ("canonicalize", fs::canonicalize(nul).await.err()),
            ("read_dir", fs::read_dir(nul).await.err()),
            ("try_exists", fs::try_exists(nul).await.err()),
        ];
        let permissions = std::fs::Permissions::from_mode(0o600);
        errors.push((
            "set_permissions",
            fs::set_permissions(nul, permissions).await.err(),
        ));
        let (result, buf) = fs::write(nul, "kept").await;
        assert_eq!(buf, "kept");
        errors.push(("write", result.err()));
        for (call, error) in errors {
            assert_eq!(
                error.map(|error| error.kind()),
                Some(ErrorKind::InvalidInput),
                "{call}"
            );
        }
        Ok(())
    });
}
