#[io2::main(preempt_ms = 10_000_000_000)]
async fn main() {}
