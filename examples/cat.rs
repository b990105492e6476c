//! Writes files to standard output, one after the other; "-" and no argument are standard input.
//!
//!     cargo run --release --example cat -- Cargo.toml README.md

use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::{env, io};

use io2::fs::File;

const CHUNK: usize = 256 << 10;

#[io2::main(name = "cat")]
async fn main() -> ExitCode {
    let mut names: Vec<_> = env::args_os().skip(1).collect();
    if names.is_empty() {
        names.push("-".into());
    }
    let output = match standard(&io::stdout()) {
        Ok(output) => output,
        Err(error) => return failed("standard output", &error),
    };
    let mut buf = Vec::with_capacity(CHUNK);
    let mut code = ExitCode::SUCCESS;
    for name in names {
        let input = match name.to_str() {
            Some("-") => standard(&io::stdin()),
            _ => File::open(&name).await,
        };
        let result;
        match input {
            Ok(input) => (result, buf) = cat(&input, &output, buf).await,
            Err(error) => result = Err(Failure::Input(error)),
        }
        match result {
            Ok(()) => {}
            Err(Failure::Input(error)) => code = failed(&name.to_string_lossy(), &error),
            // Whoever read the output has seen enough.
            Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                return code;
            }
            Err(Failure::Output(error)) => return failed("standard output", &error),
        }
    }
    code
}

enum Failure {
    Input(io::Error),
    Output(io::Error),
}

/// Copies from where `input` stands to its end. `read` and `write_all` move the file's own position,
/// so it may as well be a pipe or a terminal.
async fn cat(input: &File, output: &File, mut buf: Vec<u8>) -> (Result<(), Failure>, Vec<u8>) {
    loop {
        let (read, written);
        (read, buf) = input.read(buf).await;
        match read {
            Ok(0) => return (Ok(()), buf),
            Ok(_) => (written, buf) = output.write_all(buf).await,
            Err(error) => return (Err(Failure::Input(error)), buf),
        }
        if let Err(error) = written {
            return (Err(Failure::Output(error)), buf);
        }
    }
}

/// A descriptor of its own for a standard stream, so that closing it leaves the stream open.
fn standard(stream: &impl AsFd) -> io::Result<File> {
    let fd: OwnedFd = stream.as_fd().try_clone_to_owned()?;
    Ok(File::from_std(fd.into()))
}

fn failed(what: &str, error: &io::Error) -> ExitCode {
    eprintln!("cat: {what}: {error}");
    ExitCode::FAILURE
}
