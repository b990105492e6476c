#[io2::main]
fn main() {
    std::future::ready(()).await;
}
