#![deny(deprecated)]

use std::cell::RefCell;
use std::sync::Mutex;

#[io2::preemptible]
async fn held(cell: &RefCell<Vec<u8>>, lock: &Mutex<Vec<u8>>) {
    for _ in cell.borrow().iter() {}
    for _ in 0..cell.borrow().len() {}
    for _ in std::mem::take(&mut *cell.borrow_mut()) {}
    while let Some(_) = lock.lock().unwrap().pop() {}
    match lock.lock() {
        Ok(guard) => while guard.is_empty() {},
        Err(_) => {}
    }
    if let Some(5) = cell.borrow().first() {
        loop {}
    }
    #[io2::no_yield]
    for _ in cell.borrow().iter() {
        for _ in 0..5 {}
    }
}

fn main() {}
