#[io2::main]
async fn main(arguments: Vec<String>) {
    for argument in &arguments {
        println!("{argument}");
    }
}
