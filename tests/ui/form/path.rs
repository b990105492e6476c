#[io2::main(io2::ring_depth = 256)]
async fn main() {}
