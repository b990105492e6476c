#[io2::main(prempt_ms = 5)]
async fn main() {}
