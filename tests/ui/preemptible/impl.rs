struct Count;

#[io2::preemptible]
impl Count {
    async fn count(&self) {
        for _ in 0..5 {}
    }
}

fn main() {
    drop(Count.count());
}
