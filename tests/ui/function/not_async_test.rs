#![deny(duplicate_macro_attributes)]

#[io2::test]
fn works() {}

fn main() {}
