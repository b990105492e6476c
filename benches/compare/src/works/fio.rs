//! fio, whose loop over a ring is the one that disks are measured by. It is another program, so its figures are
//! not quite for the same work: it verifies nothing.

use std::process::Command;

use super::data::{BLOCK, BLOCKS, path};
use crate::sample::Sample;

fn run(depth: u64, direct: bool, units: u64) -> Sample {
    let mut command = Command::new("fio");
    command
        .args([
            "--name=random",
            "--output-format=json",
            "--rw=randread",
            "--ioengine=io_uring",
        ])
        .args([
            "--thread",
            "--norandommap",
            "--randrepeat=1",
            "--allow_file_create=0",
            "--invalidate=0",
        ])
        .arg(format!("--filename={}", path()))
        .arg(format!("--bs={BLOCK}"))
        .arg(format!("--size={}", BLOCK as u64 * BLOCKS))
        .arg(format!("--io_size={}", BLOCK as u64 * units))
        .arg(format!("--iodepth={depth}"))
        .arg(format!("--direct={}", u8::from(direct)));
    let output = command.output().expect("fio runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let read = text.find("\"read\"").expect("it has read");
    let (count, millis) = (
        number(&text[read..], "total_ios"),
        number(&text[read..], "runtime"),
    );
    assert_eq!(count as u64, units);
    let busy = (number(&text, "usr_cpu") + number(&text, "sys_cpu")) / 100.0;
    let wall = millis * 1e6 / count;
    Sample::new()
        .with("wall_ns", wall)
        .with("cpu_ns", wall * busy)
}

/// The first number of a name.
fn number(text: &str, name: &str) -> f64 {
    let name = format!("\"{name}\" : ");
    let rest = text.split_once(&name).expect("fio says it").1;
    let end = rest.find(|each: char| !each.is_ascii_digit() && each != '.');
    rest[..end.unwrap_or(rest.len())].parse().expect("a number")
}

macro_rules! depths {
    ($module:ident, $direct:literal) => {
        pub mod $module {
            use super::*;

            pub const NAME: &str = "fio";

            pub fn depth_1(units: u64) -> Sample {
                run(1, $direct, units)
            }

            pub fn depth_32(units: u64) -> Sample {
                run(32, $direct, units)
            }

            pub fn depth_128(units: u64) -> Sample {
                run(128, $direct, units)
            }
        }
    };
}

depths!(cached, false);
depths!(direct, true);
