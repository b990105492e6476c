#[io2::preemptible]
const fn count() {
    let mut n = 0;
    while n < 5 {
        n += 1;
    }
}

fn main() {
    count();
}
