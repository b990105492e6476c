#[io2::main]
async fn main() -> Result<(), std::fmt::Error> {
    Ok(())?
}
