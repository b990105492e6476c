//! Direct I/O of any bytes, held against a vector in memory.

use std::io;
use std::path::Path;

use io2::ExecutorConfig;
use io2::buf::{AlignedBuf, IoBuf};
use io2::fs::DioFile;
use io2_tests::temp::TempDir;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Write(Memory, u64, usize),
    Read(Memory, u64, usize),
    SetLen(u64),
    Allocate(u64, u64),
    Size,
}

/// Where the bytes of a request are.
#[derive(Clone, Copy, Debug)]
enum Memory {
    Vector,
    Aligned,
    /// Aligned memory from this byte on.
    Part(usize),
}

fn memories() -> impl Strategy<Value = Memory> {
    prop_oneof![
        Just(Memory::Vector),
        Just(Memory::Aligned),
        (0_usize..1024).prop_map(Memory::Part),
    ]
}

/// Offsets around a few blocks, small enough for requests to meet.
fn offsets() -> impl Strategy<Value = u64> {
    prop_oneof![
        (0_u64..20).prop_map(|block| block * 512),
        0_u64..10_000,
        (0_u64..40, -2_i64..3).prop_map(|(block, by)| (block * 512).saturating_add_signed(by)),
    ]
}

fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => 1_usize..3_000,
        2 => (1_usize..10).prop_map(|blocks| blocks * 512),
        // Long enough for several requests, and for a middle that goes straight.
        1 => 120_000_usize..1_300_000,
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (memories(), offsets(), lengths()).prop_map(|(m, at, len)| Step::Write(m, at, len)),
        4 => (memories(), offsets(), lengths()).prop_map(|(m, at, len)| Step::Read(m, at, len)),
        1 => offsets().prop_map(Step::SetLen),
        1 => (offsets(), 1_u64..3_000).prop_map(|(at, len)| Step::Allocate(at, len)),
        1 => Just(Step::Size),
    ];
    proptest::collection::vec(step, 1..12)
}

/// Bytes without zeros, which differ from one write to the next.
fn pattern(seed: usize, len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| ((at * 7 + seed * 31) % 255) as u8 + 1)
        .collect()
}

async fn write(file: &DioFile, memory: Memory, at: u64, bytes: &[u8]) -> io::Result<usize> {
    match memory {
        Memory::Vector => file.write_at(bytes.to_vec(), at).await.0,
        Memory::Aligned => {
            let mut buf = AlignedBuf::new(bytes.len(), 4096);
            buf.extend_from_slice(bytes);
            file.write_at(buf, at).await.0
        }
        Memory::Part(from) => {
            let mut buf = AlignedBuf::zeroed(from, 4096).to_vec();
            buf.extend_from_slice(bytes);
            let mut aligned = AlignedBuf::new(buf.len(), 4096);
            aligned.extend_from_slice(&buf);
            file.write_at(aligned.slice(from..), at).await.0
        }
    }
}

async fn read(file: &DioFile, memory: Memory, at: u64, len: usize) -> io::Result<Vec<u8>> {
    let (count, bytes) = match memory {
        Memory::Vector => {
            let (count, buf) = file.read_at(vec![0xEE; len].into_boxed_slice(), at).await;
            let count = count?;
            (count, buf[..count].to_vec())
        }
        Memory::Aligned => {
            let (count, buf) = file.read_at(AlignedBuf::new(len, 4096), at).await;
            (count?, buf.to_vec())
        }
        Memory::Part(from) => {
            let buf = AlignedBuf::zeroed(from + len, 4096);
            let (count, buf) = file.read_at(buf.slice(from..), at).await;
            (count?, buf.to_vec())
        }
    };
    assert_eq!(bytes.len(), count, "the buffer is as long as what was read");
    Ok(bytes)
}

async fn check(path: &Path, steps: Vec<Step>) -> io::Result<()> {
    let mut model: Vec<u8> = Vec::new();
    let file = DioFile::create(path).await?;
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Write(memory, at, len) => {
                let bytes = pattern(number, len);
                assert_eq!(write(&file, memory, at, &bytes).await?, len);
                let (at, end) = (at as usize, at as usize + len);
                model.resize(model.len().max(end), 0);
                model[at..end].copy_from_slice(&bytes);
            }
            Step::Read(memory, at, len) => {
                let bytes = read(&file, memory, at, len).await?;
                let start = (at as usize).min(model.len());
                let end = (at as usize + len).min(model.len());
                assert!(bytes == model[start..end], "{len} bytes at {at} differ");
            }
            Step::SetLen(len) => {
                file.set_len(len).await?;
                model.resize(len as usize, 0);
            }
            Step::Allocate(at, len) => {
                file.allocate(at, len).await?;
                model.resize(model.len().max((at + len) as usize), 0);
            }
            Step::Size => assert_eq!(file.size().await?, model.len() as u64),
        }
        assert_eq!(
            std::fs::metadata(path)?.len(),
            model.len() as u64,
            "the length is exact"
        );
    }
    assert_eq!(file.metadata().await?.len(), model.len() as u64);
    assert!(
        std::fs::read(path)? == model,
        "whoever reads it buffered sees the same"
    );
    file.close().await
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_reads_and_writes_agree_with_a_vector(steps in steps()) {
        let dir = TempDir::new();
        let run = ExecutorConfig::new().run(check(&dir.join("f"), steps));
        run.expect("the executor starts").expect("the I/O works");
    }
}
