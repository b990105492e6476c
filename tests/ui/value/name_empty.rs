#[io2::main(name = "")]
async fn main() {}
