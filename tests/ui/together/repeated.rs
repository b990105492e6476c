#[io2::main(ring_depth = 64, ring_depth = 128)]
async fn main() {}
