#[io2::main(crate = 5)]
async fn main() {}
