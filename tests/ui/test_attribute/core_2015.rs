#![deny(duplicate_macro_attributes)]

#[io2::test]
#[core::prelude::rust_2015::test]
async fn works() {}

fn main() {}
