#![deny(unused_variables)]

#[io2::main]
async fn main() {
    let number = 5;
}
