#![deny(duplicate_macro_attributes)]

#[io2::test(colour = 3)]
async fn works() {}

fn main() {}
