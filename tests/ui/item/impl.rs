struct Main;

#[io2::main]
impl Main {
    async fn run() {}
}

fn main() {
    let _ = Main::run();
}
