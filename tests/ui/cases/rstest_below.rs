#[io2::test]
#[rstest::rstest]
#[case(1)]
async fn works(#[case] number: u8) {
    let _ = number;
}

fn main() {}
