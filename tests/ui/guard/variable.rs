#![deny(deprecated)]

use std::cell::RefCell;
use std::sync::{Mutex, RwLock};

struct Pair<T> {
    first: T,
}

#[io2::preemptible]
async fn held(cell: &RefCell<Vec<u8>>, lock: &Mutex<Pair<u8>>, shared: &RwLock<u8>) -> Result<(), ()> {
    let guard = cell.borrow_mut();
    for _ in 0..guard.len() {
        let inner = shared.read().unwrap();
        while *inner > 0 {}
    }
    drop(guard);
    let view = &mut lock.lock().unwrap().first;
    loop {
        *view += 1;
        if *view > 5 {
            break;
        }
    }
    let written = shared.write().map_err(drop)?;
    let (pair, _) = (lock.lock().expect("not poisoned"), 5);
    let moved = written;
    while *moved > pair.first {}
    drop((moved, pair));
    let mapped = std::cell::Ref::map(cell.borrow(), |vec| &vec[0]);
    if *mapped == 5 {
        drop(mapped);
    } else {
        loop {}
    }
    Ok(())
}

fn main() {}
