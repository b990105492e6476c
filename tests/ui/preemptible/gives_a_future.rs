#[io2::preemptible]
fn count() -> impl Future<Output = ()> {
    async { for _ in 0..5 {} }
}

fn main() {
    drop(count());
}
