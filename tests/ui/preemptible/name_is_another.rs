use io2::preemptible as yielding;

#[io2::main]
#[yielding]
async fn main() {
    for _ in 0..5 {}
}
