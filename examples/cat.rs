//! Writes files to standard output, one after the other; "-" and no argument are standard input.
//!
//!     cargo run --release --example cat -- Cargo.toml README.md

use std::ffi::OsStr;
use std::process::ExitCode;
use std::{env, io};

use io2::fs::File;
use io2::op::{Op, Read};
use io2::stdio::{self, Input, Output};

const CHUNK: usize = 256 << 10;

#[io2::main(name = "cat")]
async fn main() -> ExitCode {
    let mut names: Vec<_> = env::args_os().skip(1).collect();
    if names.is_empty() {
        names.push("-".into());
    }
    let output = match stdio::stdout() {
        Ok(output) => output,
        Err(error) => return failed("standard output", &error),
    };
    let mut code = ExitCode::SUCCESS;
    for name in names {
        match cat(&name, &output).await {
            Ok(()) => {}
            // The other files may be all right.
            Err(Failure::Input(error)) => code = failed(&name.to_string_lossy(), &error),
            // Whoever read the output has seen enough.
            Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Err(Failure::Output(error)) => return failed("standard output", &error),
        }
    }
    code
}

enum Failure {
    Input(io::Error),
    Output(io::Error),
}

async fn cat(name: &OsStr, output: &Output) -> Result<(), Failure> {
    let source = Source::open(name).await.map_err(Failure::Input)?;
    let mut buf = Vec::with_capacity(CHUNK);
    loop {
        let (read, written);
        (read, buf) = source.read(buf).await;
        if read.map_err(Failure::Input)? == 0 {
            return Ok(());
        }
        (written, buf) = output.write_all(buf).await;
        written.map_err(Failure::Output)?;
    }
}

enum Source {
    File(File),
    Input(Input),
}

impl Source {
    async fn open(name: &OsStr) -> io::Result<Source> {
        if name == "-" {
            return stdio::stdin().map(Source::Input);
        }
        File::open(name).await.map(Source::File)
    }

    /// Reads on from the position of the file, since that may be a pipe or a terminal.
    fn read(&self, buf: Vec<u8>) -> Op<Read<Vec<u8>>> {
        match self {
            Source::File(file) => file.read(buf),
            Source::Input(input) => input.read(buf),
        }
    }
}

fn failed(what: &str, error: &io::Error) -> ExitCode {
    eprintln!("cat: {what}: {error}");
    ExitCode::FAILURE
}
