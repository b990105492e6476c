//! A server as a process of its own.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A server, which is killed in the end.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    pub fn start(service: &str, peer: &str) -> io::Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", service, peer]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn()?;
        // It is killed from here on if anything fails.
        let address = SocketAddr::from(([0; 4], 0));
        let mut process = Process { child, address };
        let stdout = process.child.stdout.as_mut().expect("it is a pipe");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse();
        process.address = address.map_err(|_| io::Error::other(format!("no address: {line:?}")))?;
        Ok(process)
    }

    /// Its bytes that are in memory.
    pub fn resident(&self) -> io::Result<f64> {
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let field = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kib = field.and_then(|field| field.trim().strip_suffix(" kB"));
        let kib: Option<f64> = kib.and_then(|kib| kib.parse().ok());
        let kib = kib.ok_or_else(|| io::Error::other("no resident memory is told"))?;
        Ok(kib * 1024.0)
    }

    /// CPU time of all its threads so far, those that the kernel adds for it included.
    pub fn cpu_micros(&self) -> io::Result<f64> {
        let mut nanos = 0.0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let run = text.split_ascii_whitespace().next();
            nanos += run.and_then(|run| run.parse::<f64>().ok()).unwrap_or(0.0);
        }
        Ok(nanos / 1000.0)
    }
}
