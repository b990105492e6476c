#[io2::main(ring_depth = DEPTH)]
async fn main() {}
