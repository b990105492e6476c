#[io2::preemptible]
struct Count;

fn main() {
    let _ = Count;
}
