#[io2::main(ring_depth = 300)]
async fn main() {}
