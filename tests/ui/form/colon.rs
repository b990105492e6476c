#[io2::main(ring_depth: 256)]
async fn main() {}
