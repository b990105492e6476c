#[io2::main]
const async fn main() {}
