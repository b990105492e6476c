#[io2::main]
async fn main() {
    let text = String::from("text");
    io2::spawn(async { text.len() }).await;
}
