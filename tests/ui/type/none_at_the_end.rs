#[io2::main]
async fn run() -> Option<()> {
    None?;
}

fn main() {
    run();
}
