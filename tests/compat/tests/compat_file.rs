//! The adapter over files: one position for reads, writes and seeks.

use std::io::{ErrorKind, SeekFrom};

use futures_util::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use io2::compat::Stream;
use io2::fs::File;
use io2_tests::polling::once;
use io2_tests::temp::TempDir;

async fn file(dir: &TempDir, contents: impl AsRef<[u8]>) -> Stream<File> {
    let path = dir.file("file", contents);
    let options = File::options().read(true).write(true).clone();
    Stream::new(options.open(path).await.unwrap())
}

#[io2::test]
async fn a_file_is_read_to_its_end_from_its_start() {
    let dir = TempDir::new();
    let data: Vec<u8> = (0..300_000).map(|at| (at % 251) as u8).collect();
    let mut file = file(&dir, &data).await;
    let mut all = Vec::new();
    file.read_to_end(&mut all).await.unwrap();
    assert!(all == data);
    assert_eq!(file.read(&mut [0; 1]).await.unwrap(), 0);
}

#[io2::test]
async fn a_write_goes_where_the_reader_is_and_not_where_it_has_read_ahead_to() {
    let dir = TempDir::new();
    let mut file = file(&dir, "0123456789").await;
    let mut buf = [0; 3];
    file.read_exact(&mut buf).await.unwrap();
    file.write_all(b"ABC").await.unwrap();
    // What comes next is what is behind the write.
    file.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"678");
    file.flush().await.unwrap();
    assert_eq!(std::fs::read(dir.join("file")).unwrap(), b"012ABC6789");
}

#[io2::test]
async fn a_read_finds_what_was_just_written() {
    let dir = TempDir::new();
    let mut file = file(&dir, "").await;
    let data: Vec<u8> = (0..200_000).map(|at| (at % 251) as u8).collect();
    file.write_all(&data).await.unwrap();
    assert_eq!(file.seek(SeekFrom::Start(0)).await.unwrap(), 0);
    let mut back = Vec::new();
    file.read_to_end(&mut back).await.unwrap();
    assert!(back == data);
}

#[io2::test]
async fn seeks_count_from_the_start_the_end_and_the_next_byte_to_be_read() {
    let dir = TempDir::new();
    let mut file = file(&dir, "0123456789").await;
    let mut buf = [0; 2];
    assert_eq!(file.seek(SeekFrom::Start(4)).await.unwrap(), 4);
    file.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"45");
    assert_eq!(file.seek(SeekFrom::Current(-3)).await.unwrap(), 3);
    file.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"34");
    assert_eq!(file.seek(SeekFrom::End(-1)).await.unwrap(), 9);
    assert_eq!(file.read(&mut buf).await.unwrap(), 1);
    assert_eq!(buf[0], b'9');
    assert_eq!(file.seek(SeekFrom::End(2)).await.unwrap(), 12);
    assert_eq!(file.read(&mut buf).await.unwrap(), 0);
    let error = file.seek(SeekFrom::Current(-13)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    // It is where it was.
    assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 12);
}

#[io2::test]
async fn a_seek_after_a_read_that_was_given_up_starts_from_what_was_taken() {
    let dir = TempDir::new();
    let mut file = file(&dir, "0123456789").await;
    assert!(once(&mut file.read(&mut [0; 4])).await.is_none());
    assert_eq!(file.seek(SeekFrom::Current(1)).await.unwrap(), 1);
    let mut buf = [0; 2];
    file.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"12");
}

#[io2::test]
async fn an_error_of_a_write_comes_back_from_the_next_call() {
    let dir = TempDir::new();
    let path = dir.file("file", "contents");
    let mut file = Stream::new(File::open(path).await.unwrap());
    assert_eq!(file.write(b"x").await.unwrap(), 1);
    let error = file.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.raw_os_error(), Some(9), "{error}");
    assert_eq!(file.write(b"x").await.unwrap(), 1);
    assert!(file.seek(SeekFrom::Start(0)).await.is_err());
    assert_eq!(file.seek(SeekFrom::Start(0)).await.unwrap(), 0);
    assert_eq!(file.read(&mut [0; 1]).await.unwrap(), 1);
}

mod tokio_traits {
    use std::io::SeekFrom;

    use io2_tests::temp::TempDir;
    use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

    use super::file;

    #[io2::test]
    async fn tokio_reads_writes_and_seeks() {
        let dir = TempDir::new();
        let mut file = file(&dir, "0123456789").await;
        assert_eq!(file.seek(SeekFrom::End(-2)).await.unwrap(), 8);
        file.write_all(b"ab").await.unwrap();
        assert_eq!(file.stream_position().await.unwrap(), 10);
        file.rewind().await.unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "01234567ab");
    }
}
