#[io2::main(256)]
async fn main() {}
