#[io2::no_yield]
async fn count() {
    for _ in 0..5 {}
}

fn main() {
    drop(count());
}
