#[io2::main]
async fn main() -> u8 {
    1
}
