//! Direct I/O of several tasks in the same blocks: nothing is lost, and nothing is ever too long.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::rc::Rc;

use io2::ExecutorConfig;
use io2::buf::AlignedBuf;
use io2::fs::DioFile;
use io2_tests::temp::TempDir;
use proptest::prelude::*;

fn run(future: impl Future<Output = io::Result<()>>) {
    let result = ExecutorConfig::new().run(future);
    result
        .expect("the executor starts")
        .expect("the test's I/O works");
}

/// Bytes without zeros.
fn pattern(seed: usize, len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| ((at * 7 + seed * 31) % 255) as u8 + 1)
        .collect()
}

/// The file is cut into stripes of one length, which belong to the tasks in turn; each task writes
/// its own, again and again.
#[derive(Clone, Debug)]
struct Plan {
    stripe: usize,
    /// For each task, which of its stripes it writes.
    tasks: Vec<Vec<usize>>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let writes = proptest::collection::vec(0_usize..6, 1..8);
    let tasks = proptest::collection::vec(writes, 2..6);
    let stripe = prop_oneof![Just(512_usize), 1_usize..1_500, 100_000_usize..200_000];
    (stripe, tasks).prop_map(|(stripe, tasks)| Plan { stripe, tasks })
}

async fn write_stripes(plan: Plan, path: std::path::PathBuf) -> io::Result<()> {
    let file = DioFile::create(&path).await?;
    let count = plan.tasks.len();
    let model = Rc::new(RefCell::new(Vec::new()));
    let mut tasks = Vec::new();
    for (task, writes) in plan.tasks.iter().cloned().enumerate() {
        let (file, model) = (file.try_clone()?, model.clone());
        let stripe = plan.stripe;
        tasks.push(io2::spawn(async move {
            for (number, place) in writes.into_iter().enumerate() {
                let at = (place * count + task) * stripe;
                let bytes = pattern(number * count + task, stripe);
                file.write_all_at(bytes.clone(), at as u64).await.0?;
                let (read, buf) = file.read_at(vec![0; stripe], at as u64).await;
                assert_eq!(read?, stripe);
                assert!(
                    buf == bytes,
                    "what was written is there, whatever others do"
                );
                let mut model = model.borrow_mut();
                let len = model.len().max(at + stripe);
                model.resize(len, 0);
                model[at..at + stripe].copy_from_slice(&bytes);
            }
            io::Result::Ok(())
        }));
    }
    while !tasks.iter().all(io2::JoinHandle::is_finished) {
        let size = file.size().await?;
        // A long stripe takes several requests, between which the file grows.
        let whole = plan.stripe > 10_000 || size % plan.stripe as u64 == 0;
        assert!(whole, "at {size}, which is not the end of a stripe");
    }
    for task in tasks {
        task.await?;
    }
    assert_eq!(std::fs::metadata(&path)?.len(), model.borrow().len() as u64);
    assert!(
        std::fs::read(&path)? == *model.borrow(),
        "some bytes were lost"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn writes_of_several_clones_in_the_same_blocks_are_all_kept(plan in plans()) {
        let dir = TempDir::new();
        run(write_stripes(plan, dir.join("f")));
    }
}

#[test]
fn a_reader_never_sees_the_padding_of_a_growing_file() {
    run(async {
        let dir = TempDir::new();
        let file = DioFile::create(dir.join("f")).await?;
        let ends = Rc::new(RefCell::new(vec![0_u64]));
        let done = Rc::new(Cell::new(false));
        let block = file.alignment().offset();
        let mut readers = Vec::new();
        for reader in 0..3_u64 {
            let (file, ends, done) = (file.try_clone()?, ends.clone(), done.clone());
            readers.push(io2::spawn(async move {
                let mut reads = 0;
                while !done.get() {
                    let last = ends.borrow().last().copied().unwrap_or(0);
                    let at = (last - last % block).saturating_sub(reader * block);
                    let (count, buf) = match reader {
                        0 => {
                            let buf = AlignedBuf::new(4096, file.alignment().memory());
                            let (count, buf) = file.read_aligned(buf, at).await;
                            (count?, buf.to_vec())
                        }
                        _ => {
                            let (count, buf) = file.read_at(vec![0; 4000], at + reader).await;
                            (count?, buf)
                        }
                    };
                    let end = at + if reader == 0 { 0 } else { reader } + count as u64;
                    assert!(!buf[..count].contains(&0), "zeros up to {end} of {ends:?}");
                    reads += 1;
                }
                io::Result::Ok(reads)
            }));
        }
        let mut end = 0;
        for number in 0..150 {
            let bytes = pattern(number, 1 + (number * 37) % 700);
            let len = bytes.len() as u64;
            ends.borrow_mut().push(end + len);
            file.write_all_at(bytes, end).await.0?;
            end += len;
            assert_eq!(file.size().await?, end);
        }
        done.set(true);
        for reader in readers {
            assert!(reader.await? > 10, "it read while the file grew");
        }
        Ok(())
    });
}

#[test]
fn records_that_are_appended_at_once_are_all_there_and_nothing_else() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = DioFile::create(&path).await?;
        let next = Rc::new(Cell::new(0_u64));
        let mut tasks = Vec::new();
        for task in 0..8 {
            let (file, next) = (file.try_clone()?, next.clone());
            tasks.push(io2::spawn(async move {
                for number in 0..12 {
                    let bytes = pattern(task, 100 + 97 * (task + number) % 1000);
                    let at = next.replace(next.get() + bytes.len() as u64);
                    file.write_all_at(bytes, at).await.0?;
                }
                io::Result::Ok(())
            }));
        }
        for task in tasks {
            task.await?;
        }
        let bytes = std::fs::read(&path)?;
        assert_eq!(bytes.len() as u64, next.get());
        assert!(!bytes.contains(&0));
        Ok(())
    });
}

#[test]
fn an_aligned_write_beside_a_widened_one_of_the_same_block_is_kept() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = DioFile::create(&path).await?;
        let block = file.alignment().offset() as usize;
        let memory = file.alignment().memory();
        file.write_all_at(vec![1; 4 * block], 0).await.0?;
        for round in 0..60_u8 {
            let value = 2 + round;
            let widened = io2::spawn({
                let file = file.try_clone()?;
                async move {
                    file.write_all_at(vec![255; 2 * block], 1 + block as u64)
                        .await
                        .0
                }
            });
            for _ in 0..round % 7 {
                file.size().await?;
            }
            let mut buf = AlignedBuf::new(block, memory);
            buf.resize(block, value);
            // The last block of the widened write, which writes one byte of it.
            let (count, _) = file.write_aligned(buf, 3 * block as u64).await;
            assert_eq!(count?, block);
            widened.await?;
            let bytes = std::fs::read(&path)?;
            let tail = &bytes[3 * block..];
            assert!(
                tail[1..].iter().all(|&byte| byte == value),
                "round {round}: {tail:?}"
            );
            assert!(bytes[block + 1..3 * block].iter().all(|&byte| byte == 255));
            assert_eq!(bytes[block], 1);
        }
        Ok(())
    });
}

#[test]
fn a_length_that_is_set_beside_a_growing_write_is_never_the_padded_one() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = DioFile::create(&path).await?;
        for round in 0..60_u64 {
            file.set_len(0).await?;
            let write = io2::spawn({
                let file = file.try_clone()?;
                async move { file.write_all_at(vec![7; 700], 100).await.0 }
            });
            for _ in 0..round % 6 {
                file.size().await?;
            }
            let len = [0, 50, 300, 801, 1_000, 5_000][(round / 6 % 6) as usize];
            file.set_len(len).await?;
            write.await?;
            let end = std::fs::metadata(&path)?.len();
            assert!(
                end == len || end == len.max(800),
                "set to {len}, written to 800: {end}"
            );
        }
        Ok(())
    });
}

#[test]
fn room_that_is_allocated_beside_a_growing_write_is_not_cut_off() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = DioFile::create(&path).await?;
        for round in 0..60_u64 {
            file.set_len(0).await?;
            let write = io2::spawn({
                let file = file.try_clone()?;
                async move { file.write_all_at(vec![7; 700], 100).await.0 }
            });
            for _ in 0..round % 6 {
                file.size().await?;
            }
            let end = [300, 810, 1_024, 5_000][(round / 6 % 4) as usize];
            file.allocate(0, end).await?;
            write.await?;
            assert_eq!(
                std::fs::metadata(&path)?.len(),
                end.max(800),
                "round {round}"
            );
        }
        Ok(())
    });
}
