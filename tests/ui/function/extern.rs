#[io2::main]
async extern "C" fn main() {}
