#![deny(duplicate_macro_attributes)]

#[io2::test]
#[::core::prelude::v1::test]
async fn works() {}

fn main() {}
