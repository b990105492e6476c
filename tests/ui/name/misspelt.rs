#[io2::main(ringdepth = 256)]
async fn main() {}
