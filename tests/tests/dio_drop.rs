//! Direct I/O whose futures are dropped, forgotten, or left alone.

use std::future::Future;
use std::io;

use io2::ExecutorConfig;
use io2::buf::AlignedBuf;
use io2::fs::DioFile;
use io2_tests::polling::once;
use io2_tests::temp::TempDir;
use proptest::prelude::*;

fn run(future: impl Future<Output = io::Result<()>>) {
    let result = ExecutorConfig::new().run(future);
    result
        .expect("the executor starts")
        .expect("the test's I/O works");
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Awaited,
    /// Dropped after so many polls, between which other I/O completes.
    Dropped(u8),
    Forgotten(u8),
}

/// Writes that are widened: their length is odd.
fn writes() -> impl Strategy<Value = Vec<(u64, usize, Fate)>> {
    let fate = prop_oneof![
        Just(Fate::Awaited),
        (0_u8..6).prop_map(Fate::Dropped),
        (0_u8..6).prop_map(Fate::Forgotten),
    ];
    let len = prop_oneof![0_usize..1_000, 0_usize..200_000];
    let write = (0_u64..3_000, len, fate);
    let odd = write.prop_map(|(at, len, fate)| (at, len * 2 + 1, fate));
    proptest::collection::vec(odd, 1..12)
}

async fn check(dir: TempDir, writes: Vec<(u64, usize, Fate)>) -> io::Result<()> {
    let path = dir.join("f");
    let file = DioFile::create(&path).await?;
    let mut model: Vec<u8> = Vec::new();
    for (number, (at, len, fate)) in writes.into_iter().enumerate() {
        let value = number as u8 + 1;
        let mut write = Box::pin(file.write_at(vec![value; len], at));
        let polls = match fate {
            Fate::Awaited => {
                assert_eq!(write.as_mut().await.0?, len);
                1
            }
            Fate::Dropped(polls) | Fate::Forgotten(polls) => {
                let mut polled = 0;
                while polled < polls {
                    polled += 1;
                    if once(&mut write).await.is_some() {
                        break;
                    }
                    // The steps of the write go on meanwhile.
                    file.size().await?;
                }
                polled
            }
        };
        if matches!(fate, Fate::Forgotten(_)) && polls > 0 {
            std::mem::forget(write);
        } else {
            drop(write);
        }
        if polls > 0 {
            // From the first poll on it is carried out, and after those that were polled before.
            let (at, end) = (at as usize, at as usize + len);
            model.resize(model.len().max(end), 0);
            model[at..end].fill(value);
        }
    }
    file.close().await?;
    let bytes = std::fs::read(&path)?;
    assert_eq!(bytes.len(), model.len());
    assert!(
        bytes == model,
        "the file is not what the writes should have made"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn widened_writes_happen_as_a_whole_and_in_order_whatever_becomes_of_their_futures(
        writes in writes(),
    ) {
        run(check(TempDir::new(), writes));
    }
}

#[test]
fn closing_waits_for_widened_writes_whose_futures_were_dropped() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        for rounds in 0..20 {
            let file = DioFile::create(&path).await?;
            let mut write = Box::pin(file.write_at(vec![1; 1_500], 100));
            for _ in 0..=rounds % 5 {
                assert!(once(&mut write).await.is_none());
                io2::yield_now().await;
            }
            drop(write);
            file.close().await?;
            assert_eq!(std::fs::metadata(&path)?.len(), 1_600);
        }
        Ok(())
    });
}

#[test]
fn a_widened_write_that_nobody_polls_on_keeps_nobody_waiting() {
    run(async {
        let dir = TempDir::new();
        let file = DioFile::create(dir.join("f")).await?;
        let mut left_alone = Box::pin(file.write_at(vec![1; 700], 0));
        assert!(once(&mut left_alone).await.is_none());
        file.write_all_at(vec![2; 700], 350).await.0?;
        assert_eq!(file.size().await?, 1_050);
        assert_eq!(left_alone.await.0?, 700);
        Ok(())
    });
}

#[test]
fn an_aligned_write_comes_after_a_widened_one_that_was_polled_before_it() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = DioFile::create(&path).await?;
        let block = file.alignment().offset() as usize;
        for value in 1..20_u8 {
            let clone = file.try_clone()?;
            let mut widened = Box::pin(clone.write_at(vec![255; 10], 20));
            assert!(once(&mut widened).await.is_none());
            drop(widened);
            let mut buf = AlignedBuf::new(block, file.alignment().memory());
            buf.resize(block, value);
            assert_eq!(file.write_at(buf, 0).await.0?, block);
            clone.close().await?;
            assert_eq!(std::fs::read(&path)?, vec![value; block]);
        }
        Ok(())
    });
}

#[test]
fn an_aligned_write_that_is_dropped_in_flight_gives_its_blocks_back_when_it_has_ended() {
    run(async {
        let dir = TempDir::new();
        let path = dir.join("f");
        let file = DioFile::create(&path).await?;
        let block = file.alignment().offset() as usize;
        file.write_all_at(vec![1; block], 0).await.0?;
        for value in 2..40_u8 {
            let mut buf = AlignedBuf::new(block, file.alignment().memory());
            buf.resize(block, value);
            let mut write = file.write_aligned(buf, 0);
            assert!(once(&mut write).await.is_none());
            drop(write);
            // Reads the block when nothing of the dropped write can land any more.
            file.write_all_at(vec![255; 10], 20).await.0?;
            let bytes = std::fs::read(&path)?;
            assert_eq!(bytes[20..30], [255; 10]);
            let around = bytes[0];
            assert!(around <= value, "one of the values that were written");
            assert!(
                bytes[..20]
                    .iter()
                    .chain(&bytes[30..])
                    .all(|&byte| byte == around)
            );
            file.write_all_at(vec![around; 10], 20).await.0?;
        }
        Ok(())
    });
}

#[test]
fn a_read_that_is_dropped_or_forgotten_is_in_nobodys_way() {
    run(async {
        let dir = TempDir::new();
        let file = DioFile::create(dir.join("f")).await?;
        file.write_all_at(vec![1; 5_000], 0).await.0?;
        for round in 0..20_u64 {
            let mut dropped = Box::pin(file.read_at(vec![0; 3_000], 1 + round));
            let clone = file.try_clone()?;
            let mut forgotten =
                Box::pin(async move { clone.read_at(vec![0; 3_000], 1 + round).await });
            assert!(once(&mut dropped).await.is_none());
            assert!(once(&mut forgotten).await.is_none());
            drop(dropped);
            std::mem::forget(forgotten);
            file.write_all_at(vec![2; 700], 4_000 + 100 * round)
                .await
                .0?;
            assert_eq!(file.size().await?, 5_000.max(4_700 + 100 * round));
        }
        Ok(())
    });
}
