const NAME: &str = "";

#[io2::main(name = NAME)]
async fn main() {}
