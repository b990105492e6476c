#[io2::main(ring_depth = 0)]
async fn main() {}
