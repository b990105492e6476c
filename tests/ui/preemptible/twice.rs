#[io2::preemptible]
#[io2::preemptible(every = 5)]
async fn count() {
    for _ in 0..5 {}
}

#[io2::main]
#[io2::preemptible]
#[io2::preemptible]
async fn main() {
    count().await;
}
