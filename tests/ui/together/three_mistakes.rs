#[io2::main(ring_depth = 300, preempt_ms = 0, colour = 3)]
async fn main() {}
