//! What the compiler says about each mistake in the use of the attributes.
//!
//! A folder of `ui/` is a class of mistakes, a file in it one mistake, and the `.stderr` beside it what
//! the compiler says. `TRYBUILD=overwrite cargo test --test macros_ui` writes those anew.

use std::process::Command;

/// Other compilers word their messages otherwise.
const RUSTC: &str = "rustc 1.95.";

#[test]
fn each_mistake_is_told_where_it_is() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    if !version.starts_with(RUSTC) {
        let version = version.trim();
        io2_tests::skip(&format!(
            "messages are compared for {RUSTC}x, this is {version}"
        ));
        return;
    }
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
}
