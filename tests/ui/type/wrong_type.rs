#[io2::main]
async fn main() -> std::process::ExitCode {
    "done"
}
