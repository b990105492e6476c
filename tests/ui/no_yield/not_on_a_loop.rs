#[io2::preemptible]
async fn count() {
    #[io2::no_yield]
    let n = loop {
        break 5;
    };
    #[io2::no_yield]
    if n == 5 {
        for _ in 0..5 {}
    }
    #[io2::no_yield]
    {
        for _ in 0..5 {}
    }
    match n {
        #[io2::no_yield]
        5 => {}
        _ => {}
    }
}

fn main() {
    drop(count());
}
