#[io2::main(ring_depth = 99999999999999999999999)]
async fn main() {}
