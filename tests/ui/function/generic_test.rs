#![deny(duplicate_macro_attributes)]

#[io2::test]
async fn works<T: Default, const N: usize>() {}

fn main() {}
