#[io2::main(crate = "1x")]
async fn main() {}
