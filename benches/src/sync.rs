//! The work with channels and locks.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hint::black_box;
use std::rc::Rc;

use io2::sync::{Mutex, Notify, Semaphore, broadcast, mpsc, oneshot, watch};

/// So many messages from one task to another, through a channel with so much room.
pub async fn messages(room: usize, messages: u64) {
    let (sender, mut receiver) = mpsc::channel(room);
    let task = io2::spawn(async move {
        for n in 0..messages {
            sender.send(n).await.expect("it is received");
        }
    });
    for n in 0..messages {
        assert_eq!(receiver.recv().await, Some(n));
    }
    task.await;
}

/// The same, 64 at a time at the receiving end.
pub async fn messages_in_batches(room: usize, messages: u64) {
    let (sender, mut receiver) = mpsc::channel(room);
    let task = io2::spawn(async move {
        for n in 0..messages {
            sender.send(n).await.expect("it is received");
        }
    });
    let mut batch = Vec::with_capacity(64);
    let mut received = 0;
    while received < messages {
        received += receiver.recv_many(&mut batch, 64).await as u64;
        black_box(&batch);
        batch.clear();
    }
    task.await;
}

/// So many messages from one task to another, through a channel without a bound; the other task runs
/// after each 64.
pub async fn unbounded_messages(messages: u64) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let task = io2::spawn(async move {
        for n in 0..messages {
            sender.send(n).expect("it is received");
            if n % 64 == 63 {
                io2::yield_now().await;
            }
        }
    });
    for n in 0..messages {
        assert_eq!(receiver.recv().await, Some(n));
    }
    task.await;
}

/// The least that a channel can do: so many messages through a queue, 64 at a time.
pub fn queue(messages: u64) {
    let queue = RefCell::new(VecDeque::with_capacity(64));
    let (mut sent, mut received) = (0, 0);
    while sent < messages {
        while sent < messages && queue.borrow().len() < 64 {
            black_box(&queue).borrow_mut().push_back(sent);
            sent += 1;
        }
        loop {
            let message = black_box(&queue).borrow_mut().pop_front();
            let Some(message) = message else { break };
            assert_eq!(message, received);
            received += 1;
        }
    }
}

/// So many requests to another task, each with an answer.
pub async fn requests(requests: u64) {
    let (sender, mut receiver) = mpsc::channel(1);
    let task = io2::spawn(async move {
        while let Some((n, answer)) = receiver.recv().await {
            let answer: oneshot::Sender<u64> = answer;
            let _ = answer.send(n + 1);
        }
    });
    for n in 0..requests {
        let (answer, answered) = oneshot::channel();
        assert!(sender.send((n, answer)).await.is_ok());
        assert_eq!(answered.await, Ok(n + 1));
    }
    drop(sender);
    task.await;
}

/// So many messages to `receivers` tasks each.
pub async fn broadcasts(receivers: usize, messages: u64) {
    let sender = broadcast::Sender::new(64);
    let receive = |_| {
        let mut receiver = sender.subscribe();
        io2::spawn(async move {
            for n in 0..messages {
                assert_eq!(receiver.recv().await, Ok(n));
            }
        })
    };
    let tasks: Vec<_> = (0..receivers).map(receive).collect();
    for n in 0..messages {
        sender.send(n).expect("it is received");
        if n % 64 == 63 {
            io2::yield_now().await;
        }
    }
    for task in tasks {
        task.await;
    }
}

/// A value is changed so many times, and each is seen.
pub async fn changes(changes: u64) {
    let (sender, mut receiver) = watch::channel(0);
    let task = io2::spawn(async move {
        while receiver.changed().await.is_ok() {
            black_box(*receiver.borrow_and_update());
        }
    });
    for n in 0..changes {
        sender.send(n).expect("it is seen");
        io2::yield_now().await;
    }
    drop(sender);
    task.await;
}

/// A lock that nobody else wants is taken so many times.
pub async fn locks(times: u64) {
    let mutex = Mutex::new(0);
    for _ in 0..times {
        *black_box(&mutex).lock().await += 1;
    }
    assert_eq!(mutex.into_inner(), times);
}

/// So many tasks take turns, so many times each.
pub async fn turns(tasks: u64, times: u64) {
    let semaphore = Rc::new(Semaphore::new(1));
    let task = |_| {
        let semaphore = semaphore.clone();
        io2::spawn(async move {
            for _ in 0..times {
                let permit = semaphore.acquire().await;
                io2::yield_now().await;
                drop(permit);
            }
        })
    };
    let tasks: Vec<_> = (0..tasks).map(task).collect();
    for task in tasks {
        task.await;
    }
}

/// Two tasks notify each other so many times.
pub async fn notifications(times: u64) {
    let (there, back) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
    let task = io2::spawn({
        let (there, back) = (there.clone(), back.clone());
        async move {
            for _ in 0..times {
                there.notified().await;
                back.notify_one();
            }
        }
    });
    for _ in 0..times {
        there.notify_one();
        back.notified().await;
    }
    task.await;
}
