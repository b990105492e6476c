#[io2::main(preempt_ms = 0)]
async fn main() {}
