//! Semaphores and locks do what a plain model of them does, whatever is dropped when.

use std::rc::Rc;
use std::task::Poll;

use io2::sync::{
    AcquireError, Mutex, MutexGuard, OwnedMutexGuard, OwnedSemaphorePermit, RwLock,
    RwLockReadGuard, RwLockWriteGuard, Semaphore, TryAcquireError,
};
use io2_tests::hand::Hand;
use io2_tests::turns::Turns;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// Makes a future, and does not poll it.
    Wait(usize),
    /// Polls, or drops, one of the futures.
    Poll(usize),
    DropFuture(usize),
    Try(usize),
    /// Drops one of the guards.
    Release(usize),
    Add(usize),
    Forget(usize),
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..5_usize).prop_map(Step::Wait),
        10 => (0..8_usize).prop_map(Step::Poll),
        4 => (0..8_usize).prop_map(Step::DropFuture),
        3 => (0..5_usize).prop_map(Step::Try),
        8 => (0..8_usize).prop_map(Step::Release),
        1 => (0..3_usize).prop_map(Step::Add),
        1 => (0..3_usize).prop_map(Step::Forget),
    ];
    // Closed at the end or not at all, or there would be little to see.
    (vec(step.clone(), 0..80), any::<bool>(), vec(step, 0..20)).prop_map(
        |(mut steps, close, rest)| {
            if close {
                steps.push(Step::Close);
            }
            steps.extend(rest);
            steps
        },
    )
}

/// The one of so many that a number means.
fn pick<T>(number: usize, among: &[T]) -> Option<usize> {
    (!among.is_empty()).then(|| number % among.len())
}

type Acquire = Hand<'static, Result<OwnedSemaphorePermit, AcquireError>>;

proptest! {
    #[test]
    fn a_semaphore_serves_in_order_and_loses_no_permit(start in 0..5_usize, steps in steps()) {
        let semaphore = Rc::new(Semaphore::new(start));
        let mut turns = Turns::new(start);
        // With the number that the model knows it by, and its permits.
        let mut futures: Vec<(usize, usize, Acquire)> = Vec::new();
        let mut permits: Vec<OwnedSemaphorePermit> = Vec::new();
        for (who, step) in steps.into_iter().enumerate() {
            match step {
                Step::Wait(count) => {
                    let future = semaphore.clone().acquire_many_owned(count as u32);
                    futures.push((who, count, Hand::new(future)));
                }
                Step::Poll(at) => {
                    let Some(at) = pick(at, &futures) else { continue };
                    let (who, count, future) = &mut futures[at];
                    let expected = turns.poll(*who, *count);
                    match future.poll() {
                        Poll::Pending => prop_assert!(expected.is_pending()),
                        Poll::Ready(result) => {
                            prop_assert_eq!(expected, Poll::Ready(result.as_ref().map(|_| ()).map_err(|_| ())));
                            permits.extend(result);
                            futures.swap_remove(at);
                        }
                    }
                }
                Step::DropFuture(at) => {
                    let Some(at) = pick(at, &futures) else { continue };
                    let (who, _, future) = futures.swap_remove(at);
                    turns.drop_waiter(who);
                    drop(future);
                }
                Step::Try(count) => match semaphore.clone().try_acquire_many_owned(count as u32) {
                    Ok(permit) => {
                        prop_assert!(turns.try_take(count));
                        permits.push(permit);
                    }
                    Err(error) => {
                        prop_assert!(!turns.try_take(count));
                        prop_assert_eq!(error == TryAcquireError::Closed, turns.is_closed());
                    }
                },
                Step::Release(at) => {
                    let Some(at) = pick(at, &permits) else { continue };
                    let permit = permits.swap_remove(at);
                    turns.give(permit.num_permits());
                    drop(permit);
                }
                Step::Add(count) => {
                    turns.give(count);
                    semaphore.add_permits(count);
                }
                Step::Forget(count) => {
                    prop_assert_eq!(semaphore.forget_permits(count), turns.forget(count));
                }
                Step::Close => {
                    turns.close();
                    semaphore.close();
                }
            }
            prop_assert_eq!(semaphore.available_permits(), turns.available());
            prop_assert_eq!(semaphore.is_closed(), turns.is_closed());
            for (who, _, future) in &futures {
                // Who may go on was woken once, and nobody else.
                prop_assert_eq!(future.wakes(), turns.wakes(*who));
            }
        }
        // All permits are somewhere.
        drop(futures);
        let held: usize = permits.iter().map(OwnedSemaphorePermit::num_permits).sum();
        let before = semaphore.available_permits();
        drop(permits);
        prop_assert_eq!(semaphore.available_permits(), before + held);
    }

    #[test]
    fn a_mutex_serves_in_order(steps in steps()) {
        enum Guard<'a> {
            Borrowed(MutexGuard<'a, u64>),
            Owned(OwnedMutexGuard<u64>),
        }

        let mutex = Rc::new(Mutex::new(0_u64));
        let mut turns = Turns::new(1);
        let mut futures: Vec<(usize, Hand<'_, Guard<'_>>)> = Vec::new();
        let mut guards: Vec<Guard<'_>> = Vec::new();
        let mut counted = 0;
        for (who, step) in steps.into_iter().enumerate() {
            match step {
                Step::Wait(n) => {
                    let mutex = &mutex;
                    let future = async move {
                        if n % 2 == 0 {
                            Guard::Borrowed(mutex.lock().await)
                        } else {
                            Guard::Owned(mutex.clone().lock_owned().await)
                        }
                    };
                    futures.push((who, Hand::new(future)));
                }
                Step::Poll(at) => {
                    let Some(at) = pick(at, &futures) else { continue };
                    let (who, future) = &mut futures[at];
                    let expected = turns.poll(*who, 1);
                    let polled = future.poll();
                    prop_assert_eq!(polled.is_ready(), expected.is_ready());
                    if let Poll::Ready(guard) = polled {
                        guards.push(guard);
                        futures.swap_remove(at);
                    }
                }
                Step::DropFuture(at) => {
                    let Some(at) = pick(at, &futures) else { continue };
                    let (who, future) = futures.swap_remove(at);
                    turns.drop_waiter(who);
                    drop(future);
                }
                Step::Try(n) => {
                    let guard = if n % 2 == 0 {
                        mutex.try_lock().map(Guard::Borrowed)
                    } else {
                        mutex.clone().try_lock_owned().map(Guard::Owned)
                    };
                    prop_assert_eq!(guard.is_ok(), turns.try_take(1));
                    guards.extend(guard);
                }
                Step::Release(_) => {
                    // One at a time has it, and finds what the others have left.
                    prop_assert!(guards.len() <= 1);
                    match guards.pop() {
                        Some(Guard::Borrowed(mut guard)) => *guard += 1,
                        Some(Guard::Owned(mut guard)) => *guard += 1,
                        None => continue,
                    }
                    counted += 1;
                    turns.give(1);
                }
                Step::Add(_) | Step::Forget(_) | Step::Close => {}
            }
            for (who, future) in &futures {
                prop_assert_eq!(future.wakes(), turns.wakes(*who));
            }
        }
        drop(futures);
        drop(guards);
        let value = mutex.try_lock().map(|guard| *guard);
        prop_assert_eq!(value, Ok(counted));
    }

    #[test]
    fn a_rwlock_serves_readers_and_writers_in_order(readers in 1..4_u32, steps in steps()) {
        enum Guard<'a> {
            Reader(RwLockReadGuard<'a, u64>),
            Writer(RwLockWriteGuard<'a, u64>),
        }

        let lock = RwLock::with_max_readers(0_u64, readers);
        let all = readers as usize;
        let mut turns = Turns::new(all);
        let mut futures: Vec<(usize, usize, Hand<'_, Guard<'_>>)> = Vec::new();
        let mut guards: Vec<Guard<'_>> = Vec::new();
        for (who, step) in steps.into_iter().enumerate() {
            match step {
                Step::Wait(n) => {
                    let write = n == 0;
                    let lock = &lock;
                    let future = async move {
                        if write {
                            Guard::Writer(lock.write().await)
                        } else {
                            Guard::Reader(lock.read().await)
                        }
                    };
                    futures.push((who, if write { all } else { 1 }, Hand::new(future)));
                }
                Step::Poll(at) => {
                    let Some(at) = pick(at, &futures) else { continue };
                    let (who, permits, future) = &mut futures[at];
                    let expected = turns.poll(*who, *permits);
                    let polled = future.poll();
                    prop_assert_eq!(polled.is_ready(), expected.is_ready());
                    if let Poll::Ready(guard) = polled {
                        guards.push(guard);
                        futures.swap_remove(at);
                    }
                }
                Step::DropFuture(at) => {
                    let Some(at) = pick(at, &futures) else { continue };
                    let (who, _, future) = futures.swap_remove(at);
                    turns.drop_waiter(who);
                    drop(future);
                }
                Step::Try(n) => {
                    let write = n == 0;
                    let guard = if write {
                        lock.try_write().map(Guard::Writer)
                    } else {
                        lock.try_read().map(Guard::Reader)
                    };
                    prop_assert_eq!(guard.is_ok(), turns.try_take(if write { all } else { 1 }));
                    guards.extend(guard);
                }
                Step::Release(at) => {
                    let Some(at) = pick(at, &guards) else { continue };
                    match guards.swap_remove(at) {
                        Guard::Reader(guard) => {
                            turns.give(1);
                            drop(guard);
                        }
                        Guard::Writer(mut guard) => {
                            prop_assert!(guards.is_empty());
                            *guard += 1;
                            turns.give(all);
                        }
                    }
                }
                // A writer reads on.
                Step::Add(at) => {
                    let Some(at) = pick(at, &guards) else { continue };
                    let guard = match guards.swap_remove(at) {
                        Guard::Writer(guard) => {
                            turns.give(all - 1);
                            Guard::Reader(RwLockWriteGuard::downgrade(guard))
                        }
                        reader => reader,
                    };
                    guards.push(guard);
                }
                Step::Forget(_) | Step::Close => {}
            }
            for (who, _, future) in &futures {
                prop_assert_eq!(future.wakes(), turns.wakes(*who));
            }
        }
        drop(futures);
        drop(guards);
        prop_assert!(lock.try_write().is_ok());
    }
}

#[test]
#[should_panic = "more permits than Semaphore::MAX_PERMITS"]
fn a_semaphore_refuses_more_permits_than_there_may_be() {
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    semaphore.try_acquire().unwrap().forget();
    semaphore.add_permits(1);
    semaphore.add_permits(1);
}

#[test]
fn permits_are_merged_and_split() {
    let semaphore = Rc::new(Semaphore::new(5));
    let mut two = semaphore.clone().try_acquire_many_owned(2).unwrap();
    two.merge(semaphore.clone().try_acquire_owned().unwrap());
    assert_eq!((two.num_permits(), semaphore.available_permits()), (3, 2));
    assert!(two.split(4).is_none());
    let one = two.split(1).unwrap();
    drop(two);
    assert_eq!((one.num_permits(), semaphore.available_permits()), (1, 4));
    assert!(Rc::ptr_eq(one.semaphore(), &semaphore));
    one.forget();
    assert_eq!(semaphore.available_permits(), 4);
}

#[test]
#[should_panic = "merging permits of two semaphores"]
fn permits_of_two_semaphores_are_not_merged() {
    let (one, two) = (Semaphore::new(1), Semaphore::new(1));
    let mut permit = one.try_acquire().unwrap();
    permit.merge(two.try_acquire().unwrap());
}

#[test]
fn guards_show_a_part_and_keep_the_lock() {
    let mutex = Mutex::new((1, 2));
    let part = MutexGuard::map(mutex.try_lock().unwrap(), |pair| &mut pair.1);
    assert_eq!((*part, mutex.try_lock().is_err()), (2, true));
    drop(part);
    let lock = RwLock::new((1, 2));
    let part = RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.0);
    assert!(lock.try_read().is_err());
    drop(part);
    let part = RwLockReadGuard::map(lock.try_read().unwrap(), |pair| &pair.0);
    assert!(lock.try_write().is_err() && lock.try_read().is_ok());
    drop(part);
    assert!(lock.try_write().is_ok());
    assert_eq!(mutex.into_inner(), lock.into_inner());
}
