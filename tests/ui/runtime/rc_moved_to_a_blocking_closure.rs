#[io2::main]
async fn main() {
    let text = std::rc::Rc::new("text");
    io2::spawn_blocking(move || text.len()).await;
}
