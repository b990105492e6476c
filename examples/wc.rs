//! Counts lines, words and bytes of many files at once.
//!
//!     cargo run --release --example wc -- io2/src/*.rs

use std::collections::VecDeque;
use std::ffi::OsString;
use std::process::ExitCode;
use std::{env, io};

use io2::fs::File;

/// So many files are open at a time: a limit of one's own is kinder than that of the system.
const AT_ONCE: usize = 64;

#[io2::main(name = "wc", ring_depth = 128)]
async fn main() -> ExitCode {
    let mut names: VecDeque<OsString> = env::args_os().skip(1).collect();
    if names.is_empty() {
        eprintln!("usage: wc FILE...");
        return ExitCode::from(2);
    }
    let mut running = VecDeque::new();
    let mut counted = Vec::new();
    let mut total = [0; 3];
    let mut code = ExitCode::SUCCESS;
    loop {
        while running.len() < AT_ONCE
            && let Some(name) = names.pop_front()
        {
            running.push_back((name.clone(), io2::spawn(count(name))));
        }
        // In the order of the arguments, whichever is done first.
        let Some((name, task)) = running.pop_front() else {
            break;
        };
        match task.await {
            Ok(counts) => {
                total = [0, 1, 2].map(|n| total[n] + counts[n]);
                counted.push((name, counts));
            }
            Err(error) => {
                eprintln!("wc: {}: {error}", name.display());
                code = ExitCode::FAILURE;
            }
        }
    }
    let mut width = 0;
    if env::args_os().len() > 2 {
        counted.push(("total".into(), total));
        width = total[2].to_string().len();
    }
    for (name, [lines, words, bytes]) in counted {
        let name = name.display();
        println!("{lines:width$} {words:width$} {bytes:width$} {name}");
    }
    code
}

/// Lines, words and bytes.
async fn count(name: OsString) -> io::Result<[u64; 3]> {
    let file = File::open(name).await?;
    let [mut lines, mut words, mut bytes] = [0; 3];
    let mut buf = Vec::with_capacity(64 << 10);
    let mut in_word = false;
    loop {
        let read;
        (read, buf) = file.read(buf).await;
        if read? == 0 {
            return Ok([lines, words + u64::from(in_word), bytes]);
        }
        bytes += buf.len() as u64;
        for &byte in &buf {
            // What `isspace` says in C.
            let space = byte.is_ascii_whitespace() || byte == 0x0b;
            lines += u64::from(byte == b'\n');
            words += u64::from(in_word && space);
            in_word = !space;
        }
    }
}
