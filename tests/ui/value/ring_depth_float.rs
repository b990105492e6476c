#[io2::main(ring_depth = 1.5)]
async fn main() {}
