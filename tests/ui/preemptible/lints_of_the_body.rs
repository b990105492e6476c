#![deny(unused, unreachable_code)]

#[io2::preemptible(every = 16)]
async fn lints() {
    let unused = 5;
    for n in 0..5 {
        'label: loop {
            return;
            println!();
        }
    }
}

fn main() {
    drop(lints());
}
