#![deny(duplicate_macro_attributes)]

#[io2::test]
#[std::prelude::rust_2021::test]
async fn works() {}

fn main() {}
