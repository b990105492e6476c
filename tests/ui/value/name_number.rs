#[io2::main(name = 5)]
async fn main() {}
