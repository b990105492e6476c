#[io2::main(preempt = "of")]
async fn main() {}
