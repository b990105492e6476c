//! The standard streams, whatever is behind them.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::process::{Command, Output, Stdio};

use io2_tests::temp::TempDir;

/// Copies its standard input to its standard output.
const CAT: &str = env!("CARGO_BIN_EXE_stdio_cat");

/// Runs a command that is given `input`, and gives what it wrote.
fn feed(command: &mut Command, input: Vec<u8>) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command can be started");
    let mut stdin = child.stdin.take().expect("it is a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it can be waited for");
    writer.join().unwrap().expect("the input is taken");
    output
}

#[test]
fn pipes_are_read_to_their_end_and_written() {
    let input: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect();
    let output = feed(&mut Command::new(CAT), input.clone());
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout == input);
    assert_eq!(output.stderr, b"1048576 bytes\n");
}

#[test]
fn files_are_read_and_written_at_the_position_that_they_share() {
    let dir = TempDir::new();
    let mut input = File::open(dir.file("in", "0123456789")).unwrap();
    input.seek(SeekFrom::Start(4)).unwrap();
    let mut output = File::create_new(dir.join("out")).unwrap();
    output.write_all(b"before ").unwrap();
    let status = Command::new(CAT)
        .stdin(input.try_clone().unwrap())
        .stdout(output.try_clone().unwrap())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    output.write_all(b" after").unwrap();
    assert_eq!(
        std::fs::read(dir.join("out")).unwrap(),
        b"before 456789 after"
    );
    assert_eq!(input.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_terminal_is_read_line_by_line_and_written() {
    // Makes a terminal for the command, and feeds it what it is fed itself.
    let mut script = Command::new("script");
    script.args(["-qec", CAT, "/dev/null"]);
    match script.stdin(Stdio::null()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return io2_tests::skip("there is no `script` here, which makes terminals");
        }
        output => assert!(output.unwrap().status.success()),
    }
    // Control and D at the start of a line ends the input.
    let output = feed(&mut script, b"first\nsecond\n\x04".to_vec());
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("13 bytes"), "{shown}");
    // The terminal shows what is typed, and then what is written.
    assert_eq!(shown.matches("second\r\n").count(), 2, "{shown}");
}

#[test]
fn writing_to_a_pipe_that_nobody_reads_is_an_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = Command::new(CAT)
        .stdin(Stdio::piped())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"x").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("BrokenPipe"), "{said}");
}
