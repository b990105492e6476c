#[io2::main(ring_depth = -1)]
async fn main() {}
