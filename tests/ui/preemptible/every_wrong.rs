#[io2::preemptible(every = 0)]
async fn none() {}

#[io2::preemptible(every = "5")]
async fn string() {}

#[io2::preemptible(every = 5u64)]
async fn suffix() {}

#[io2::preemptible(every = -1)]
async fn negative() {}

#[io2::preemptible(every = 1 << 30)]
async fn constant() {
    for _ in 0..5 {}
}

#[io2::preemptible(every)]
async fn no_value() {}

#[io2::preemptible(1024)]
async fn no_name() {}

#[io2::preemptible(every = 5, every = 6)]
async fn repeated() {}

fn main() {}
