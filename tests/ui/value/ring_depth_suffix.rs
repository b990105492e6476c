#[io2::main(ring_depth = 256u8)]
async fn main() {}
