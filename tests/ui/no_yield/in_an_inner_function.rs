#[io2::preemptible]
async fn count() {
    fn inner() {
        #[io2::no_yield]
        for _ in 0..5 {}
    }
    inner();
}

fn main() {
    drop(count());
}
