#[io2::test]
mod tests {}

fn main() {}
