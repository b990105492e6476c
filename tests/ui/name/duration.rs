#[io2::main(preempt_duration = 5)]
async fn main() {}
