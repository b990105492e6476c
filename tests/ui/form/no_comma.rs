#[io2::main(ring_depth = 256 preempt_ms = 5)]
async fn main() {}
