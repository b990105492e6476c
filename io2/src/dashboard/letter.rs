//! A question to an executor, by mail, and its answer.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use crate::executor::remote::Slot;
use crate::lock::lock;

/// What is said when the question was dropped: the executor has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

type Answer<T> = Result<Arc<T>, Gone>;

struct Inner<T> {
    answer: Option<Answer<T>>,
    waiting: Vec<Waker>,
}

/// See the module.
pub(super) struct Letter<T>(Arc<Mutex<Inner<T>>>);

impl<T> Clone for Letter<T> {
    fn clone(&self) -> Self {
        Letter(self.0.clone())
    }
}

impl<T: Send + Sync + 'static> Letter<T> {
    /// Asks an executor, which answers when it comes to it.
    pub(super) fn post(slot: &Slot, ask: impl FnOnce() -> Option<T> + Send + 'static) -> Letter<T> {
        let letter = Letter(Arc::new(Mutex::new(Inner {
            answer: None,
            waiting: Vec::new(),
        })));
        let reply = Reply(letter.clone());
        let mail = move || {
            if let Some(answer) = ask() {
                reply.0.settle(Ok(Arc::new(answer)));
            }
        };
        // If it comes back it is dropped, which is an answer, too.
        drop(slot.post_to_any(Box::new(mail)));
        letter
    }

    /// The answer, if it has come.
    pub(super) fn answer(&self) -> Option<Answer<T>> {
        self.lock().answer.clone()
    }

    /// Waits for the answer; any number may.
    pub(super) async fn wait(&self) {
        poll_fn(|cx| {
            let mut inner = self.lock();
            if inner.answer.is_some() {
                return Poll::Ready(());
            }
            if !inner.waiting.iter().any(|it| it.will_wake(cx.waker())) {
                inner.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl<T> Letter<T> {
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        lock(&self.0)
    }

    fn settle(&self, answer: Answer<T>) {
        let mut inner = self.lock();
        let first = inner.answer.is_none();
        if first {
            inner.answer = Some(answer);
        }
        let waiting = std::mem::take(&mut inner.waiting);
        drop(inner);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// The executor's side. Dropped without an answer it says so.
struct Reply<T>(Letter<T>);

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        self.0.settle(Err(Gone));
    }
}
