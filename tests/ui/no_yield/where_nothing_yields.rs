#[io2::preemptible]
async fn count() {
    let closure = || {
        #[io2::no_yield]
        for _ in 0..5 {}
    };
    closure();
    async {
        #[io2::no_yield]
        for _ in 0..5 {}
    }
    .await;
}

fn main() {
    drop(count());
}
