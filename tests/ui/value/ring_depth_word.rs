#[io2::main(ring_depth = "deep")]
async fn main() {}
