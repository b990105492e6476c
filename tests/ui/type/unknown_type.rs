#[io2::main]
async fn main() -> Whatever {
    loop {}
}
