#![deny(duplicate_macro_attributes)]

#[io2::test]
#[test]
async fn works() {}

fn main() {}
