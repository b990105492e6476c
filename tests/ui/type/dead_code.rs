#![deny(dead_code)]

#[io2::main]
async fn unused() {}

fn main() {}
