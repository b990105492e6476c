#[io2::main(threadpool::bar)]
async fn main() {}
