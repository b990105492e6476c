#[io2::main(ring_depth = 65536)]
async fn main() {}
