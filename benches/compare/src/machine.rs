//! Where the figures are from.

use std::fs;
use std::io;
use std::process::Command;

const LOCK: &str = include_str!("../Cargo.lock");

/// Those whose versions matter.
const PACKAGES: &[&str] = &[
    "io2",
    "tokio",
    "tokio-uring",
    "monoio",
    "glommio",
    "compio",
    "smol",
    "kimojio",
    "local-sync",
    "async-channel",
    "io-uring",
    "hyper",
    "hyper-util",
];

/// The load average of the last minute.
pub fn load() -> io::Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let first = text.split_ascii_whitespace().next();
    let number = first.and_then(|word| word.parse().ok());
    number.ok_or_else(|| io::Error::other("no load average"))
}

/// Names and versions by the lock file. One name can have several versions.
pub fn versions() -> Vec<(&'static str, String)> {
    let versions = |package: &&'static str| {
        let name = format!("name = \"{package}\"");
        let of = |entry: &'static str| {
            let mut lines = entry.lines().map(str::trim);
            lines.find(|line| *line == name)?;
            lines
                .next()?
                .strip_prefix("version = \"")?
                .strip_suffix('"')
        };
        let all: Vec<&str> = LOCK.split("[[package]]").filter_map(of).collect();
        (*package, all.join(", "))
    };
    PACKAGES.iter().map(versions).collect()
}

/// What the machine is, a line a fact.
pub fn facts() -> Vec<(&'static str, String)> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&cpu, "model name").unwrap_or("unknown");
    let cores = cpu.matches("processor\t").count();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = field(&memory, "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse().ok())
        .unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let virtual_machine = if cpu.contains(" hypervisor") {
        ", virtual"
    } else {
        ""
    };
    vec![
        (
            "processor",
            format!("{model}, {cores} cores{virtual_machine}"),
        ),
        (
            "memory",
            format!("{:.1} GiB", kib as f64 / f64::from(1 << 20)),
        ),
        ("kernel", format!("Linux {}", kernel.trim())),
        ("compiler", said("rustc", &["--version"])),
        (
            "io2",
            said(
                "git",
                &[
                    "-C",
                    env!("CARGO_MANIFEST_DIR"),
                    "describe",
                    "--always",
                    "--dirty",
                ],
            ),
        ),
        ("fio", said("fio", &["--version"])),
    ]
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok()
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "not there".to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lock_file_has_a_version_of_each_peer() {
        for (package, versions) in super::versions() {
            assert!(
                versions.starts_with(|first: char| first.is_ascii_digit()),
                "{package}"
            );
        }
    }
}
