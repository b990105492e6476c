#![deny(deprecated)]

use std::cell::RefCell;

#[io2::preemptible]
async fn held(cell: &RefCell<Vec<u8>>) {
    #[allow(deprecated)]
    for _ in cell.borrow().iter() {}
    #[io2::no_yield]
    for _ in cell.borrow().iter() {}
}

fn main() {
    let only_this: () = 5;
}
