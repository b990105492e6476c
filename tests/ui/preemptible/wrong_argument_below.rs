#[io2::main]
#[io2::preemptible(every = 0)]
async fn main() {
    for _ in 0..5 {}
}
