#[io2::main(preempt_ms = 5, preempt_us = 500)]
async fn main() {}
