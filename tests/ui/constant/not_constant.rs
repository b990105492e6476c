fn depth() -> u32 {
    256
}

#[io2::main(ring_depth = depth())]
async fn main() {}
