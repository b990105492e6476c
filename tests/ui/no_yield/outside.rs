async fn count() {
    #[io2::no_yield]
    for _ in 0..5 {}
}

fn main() {
    drop(count());
}
