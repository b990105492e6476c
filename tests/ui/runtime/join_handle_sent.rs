#[io2::main]
async fn main() {
    send(io2::spawn(async {}));
}

fn send<T: Send>(_: T) {}
