#[io2::main(timer_enabled = true)]
async fn main() {}
