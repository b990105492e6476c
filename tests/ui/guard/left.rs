#![deny(deprecated)]

use std::cell::RefCell;

fn work() {}

#[io2::preemptible]
async fn dropped_or_gone(cell: &RefCell<Vec<u8>>, number: u8) {
    let guard = cell.borrow();
    if guard.is_empty() {
        drop(guard);
    } else {
        return;
    }
    loop {
        let guard = cell.borrow();
        match number {
            0 => drop(guard),
            1 => continue,
            2 => break,
            3 => panic!(),
            _ => unreachable!(),
        }
        while number > 5 {}
    }
    loop {
        work();
    }
}

#[io2::preemptible]
async fn still_there(cell: &RefCell<Vec<u8>>) {
    let guard = cell.borrow();
    'some: {
        if guard.is_empty() {
            break 'some;
        }
        drop(guard);
    }
    loop {
        work();
    }
}

fn main() {}
