const DEPTH: u32 = 65_536;

#[io2::main(ring_depth = DEPTH)]
async fn main() {}
