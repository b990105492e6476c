//! Copies its standard input to its standard output, and says on the third stream how much it was.

use std::io;

use io2::stdio;

#[io2::main]
async fn main() -> io::Result<()> {
    let mut total = 0;
    let mut buf = Vec::with_capacity(1 << 16);
    loop {
        // Handles of their own each time: to drop one must not close the stream.
        let result;
        (result, buf) = stdio::stdin()?.read(buf).await;
        match result? {
            0 => break,
            count => total += count,
        }
        let result;
        (result, buf) = stdio::stdout()?.write_all(buf).await;
        result?;
    }
    let said = format!("{total} bytes\n");
    stdio::stderr()?.write_all(said).await.0
}
