#[io2::main(start_paused = true)]
async fn main() {}
