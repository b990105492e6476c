#[io2::main(crate = "renamed")]
async fn main() {}
