#[io2::main(spin_us = 10_000_000)]
async fn main() {}
