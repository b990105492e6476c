#[io2::test]
#[test_case::test_case(1)]
async fn works(number: u8) {
    let _ = number;
}

fn main() {}
