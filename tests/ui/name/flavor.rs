#[io2::main(flavor = "current_thread")]
async fn main() {}
