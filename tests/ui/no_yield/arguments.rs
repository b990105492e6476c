#[io2::preemptible]
async fn count() {
    #[io2::no_yield(always)]
    for _ in 0..5 {}
}

fn main() {
    drop(count());
}
