#[io2::preemptible]
fn count() {
    for _ in 0..5 {}
}

fn main() {
    count();
}
