#[io2::main(preempt = "fail")]
async fn main() {}
