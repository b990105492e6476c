#[io2::main]
struct Main;

fn main() {}
