#[io2::main]
async unsafe fn main() {}
