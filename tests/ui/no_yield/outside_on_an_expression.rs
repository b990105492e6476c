async fn count() -> u8 {
    let five = #[io2::no_yield]
    loop {
        break 5;
    };
    five
}

fn main() {
    drop(count());
}
