const DEPTH: usize = 256;

#[io2::main(ring_depth = DEPTH)]
async fn main() {}
