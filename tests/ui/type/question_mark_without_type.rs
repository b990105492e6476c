#[io2::main]
async fn main() {
    std::fs::read("x")?;
}
