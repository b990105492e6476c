#![deny(duplicate_macro_attributes)]

#[io2::test(timeout_ms = 0)]
async fn works() {}

fn main() {}
