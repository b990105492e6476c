//! Copies a file past the page cache, with many requests in flight and a progress bar.
//!
//!     cargo run --release --example cp -- FROM TO

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::{env, io};

use indicatif::{ProgressBar, ProgressStyle};
use io2::buf::AlignedBuf;
use io2::fs::{self, DioFile};

const IN_FLIGHT: u64 = 16;
const BLOCK: usize = 1 << 20;

#[io2::main(name = "cp")]
async fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = &arguments[..] else {
        eprintln!("usage: cp FROM TO");
        return ExitCode::from(2);
    };
    match copy(from, to).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cp: {} to {}: {error}", from.display(), to.display());
            ExitCode::FAILURE
        }
    }
}

async fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut options = DioFile::options();
    let source = Rc::new(
        options
            .read(true)
            .direct_or_buffered(true)
            .open(from)
            .await?,
    );
    let metadata = source.metadata().await?;
    let to = match fs::metadata(to).await {
        Ok(found) if found.is_dir() => to.join(from.file_name().unwrap_or_default()),
        _ => to.to_owned(),
    };
    if let Ok(found) = fs::metadata(&to).await
        && (found.dev(), found.ino()) == (metadata.dev(), metadata.ino())
    {
        return Err(io::Error::other("they are the same file"));
    }
    let mut options = DioFile::options();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(metadata.mode() & 0o777);
    let target = Rc::new(options.direct_or_buffered(true).open(&to).await?);

    let bar = ProgressBar::new(metadata.len());
    let style = "{bar:40} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}";
    bar.set_style(ProgressStyle::with_template(style).expect("a template that is known"));
    let mut workers = io2::JoinSet::new();
    for first in 0..IN_FLIGHT {
        workers.spawn(blocks(source.clone(), target.clone(), first, bar.clone()));
    }
    while let Some(outcome) = workers.join_next().await {
        // Returning drops the other workers, and with them what they have in flight.
        outcome??;
    }
    bar.finish();
    Ok(())
}

/// Copies every 16th block, until a read finds the file's end.
async fn blocks(
    source: Rc<DioFile>,
    target: Rc<DioFile>,
    first: u64,
    bar: ProgressBar,
) -> io::Result<()> {
    let alignment = source.alignment().memory().max(target.alignment().memory());
    let mut buf = AlignedBuf::new(BLOCK, alignment);
    for block in (first..).step_by(IN_FLIGHT as usize) {
        let (read, written);
        (read, buf) = source.read_at(buf, block * BLOCK as u64).await;
        let read = read?;
        if read == 0 {
            break;
        }
        // Whole blocks go to the disk as they are; the last one may have any length.
        (written, buf) = target.write_all_at(buf, block * BLOCK as u64).await;
        written?;
        bar.inc(read as u64);
    }
    Ok(())
}
