//! A server on a Unix socket that says how long each request is, and a client that asks it.
//!
//!     cargo run --release --example unix_socket -- serve /tmp/lengths
//!     cargo run --release --example unix_socket -- ask /tmp/lengths "how long is this?"

use std::path::Path;
use std::process::ExitCode;
use std::{env, io};

use io2::net::{Shutdown, UnixListener, UnixStream};

#[io2::main(name = "unix_socket")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", path] => serve(Path::new(path)).await,
        ["ask", path, text] => ask(Path::new(path), (*text).to_owned()).await,
        _ => {
            eprintln!("usage: unix_socket serve PATH | unix_socket ask PATH TEXT");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = outcome {
        eprintln!("unix_socket: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn serve(path: &Path) -> io::Result<()> {
    let listener = match UnixListener::bind(path) {
        // It may be left from a server that has ended: nobody answers then.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if UnixStream::connect(path).await.is_ok() {
                return Err(error);
            }
            io2::fs::remove_file(path).await?;
            UnixListener::bind(path)?
        }
        outcome => outcome?,
    };
    let mut requests = listener.incoming();
    let serve = async {
        loop {
            let stream = requests.next().await?;
            io2::spawn(async move { answer(stream).await });
        }
    };
    println!("listening on {}", path.display());
    let ended = futures_lite::future::or(serve, io2::signal::ctrl_c()).await;
    // The path stays when the listener goes.
    io2::fs::remove_file(path).await?;
    ended
}

/// A request ends where the client ends its direction.
async fn answer(stream: UnixStream) -> io::Result<()> {
    let (mut len, mut buf) = (0, Vec::with_capacity(4096));
    loop {
        let read;
        (read, buf) = stream.read(buf).await;
        match read? {
            0 => break,
            count => len += count,
        }
    }
    stream.write_all(format!("{len} bytes\n")).await.0
}

async fn ask(path: &Path, text: String) -> io::Result<()> {
    let stream = UnixStream::connect(path).await?;
    stream.write_all(text).await.0?;
    stream.shutdown(Shutdown::Write).await?;
    let stdout = io2::stdio::stdout()?;
    let mut buf = Vec::with_capacity(4096);
    loop {
        let read;
        (read, buf) = stream.read(buf).await;
        if read? == 0 {
            return Ok(());
        }
        buf = stdout.write_all(buf).await.1;
    }
}
