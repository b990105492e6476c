#[io2::main(ring_depth)]
async fn main() {}
