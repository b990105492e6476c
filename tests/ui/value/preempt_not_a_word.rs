#[io2::main(preempt = false)]
async fn main() {}
