#![deny(deprecated)]

use std::cell::RefCell;
use std::sync::{Mutex, RwLock};

#[io2::preemptible]
async fn held(cell: &RefCell<Vec<u8>>, lock: &Mutex<u8>, shared: &RwLock<u8>) {
    if let Ok(mut vec) = cell.try_borrow_mut() {
        for byte in vec.iter_mut() {
            *byte += 1;
        }
    }
    if let Ok(vec) = cell.try_borrow() {
        for _ in vec.iter() {}
    }
    while let Ok(guard) = lock.try_lock() {
        drop(guard);
    }
    match shared.try_read() {
        Ok(number) => while *number > 0 {},
        Err(_) => {}
    }
    let Ok(written) = shared.try_write() else {
        return;
    };
    while *written > 0 {}
}

#[io2::preemptible]
async fn not_held(cell: &RefCell<Vec<u8>>, lock: &Mutex<u8>) {
    match cell.try_borrow() {
        Ok(_) => {}
        Err(_) => loop {},
    }
    let Ok(_guard) = lock.try_lock() else {
        loop {}
    };
}

fn main() {}
