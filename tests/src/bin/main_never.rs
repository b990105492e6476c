//! A `main` that never returns.

#[io2::main]
async fn main() -> ! {
    io2::yield_now().await;
    std::process::exit(3)
}
