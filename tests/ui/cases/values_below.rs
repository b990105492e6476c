#[io2::test]
#[rstest::rstest]
async fn works(#[values(1, 2)] number: u8) {
    let _ = number;
}

fn main() {}
