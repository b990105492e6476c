trait Count {
    #[io2::preemptible]
    async fn count(&self);
}

fn main() {}
