#[io2::main(entries = 256)]
async fn main() {}
