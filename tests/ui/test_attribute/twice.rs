#![deny(duplicate_macro_attributes)]

#[io2::test]
#[io2::test]
async fn works() {}

fn main() {}
