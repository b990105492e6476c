#[io2::preemptible(evry = 1024)]
async fn misspelt() {}

#[io2::preemptible(stride = 1024)]
async fn other_word() {}

#[io2::preemptible(preempt_ms = 5)]
async fn of_main() {}

#[io2::preemptible(yields, twice = 5)]
async fn unlike_any() {}

#[io2::main(every = 5)]
async fn main() {}
