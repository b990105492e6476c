const DEPTH: u32 = 300;

#[io2::main(ring_depth = DEPTH)]
async fn main() {}
