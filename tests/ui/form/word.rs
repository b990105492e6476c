#[io2::main(foo)]
async fn main() {}
