#[io2::main]
async fn main() -> std::io::Result<()> {
    let file = io2::fs::File::open("text").await?;
    let buf = vec![0; 16];
    let read = file.read_at(buf, 0);
    println!("{}", buf.len());
    read.await.0.map(drop)
}
