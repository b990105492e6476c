#[io2::main]
async fn main();
