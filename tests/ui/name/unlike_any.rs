#[io2::main(colour = 3)]
async fn main() {}
