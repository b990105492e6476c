//! Who may go on, as plainly as can be: what semaphores, locks and bounded channels are compared with.

use std::task::Poll;

/// Permits, and who waits for them. Waiters are named by numbers.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    free: usize,
    closed: bool,
    /// In the order in which they came.
    waiting: Vec<(usize, usize)>,
    granted: Vec<(usize, usize)>,
    /// Who was woken, once for each time.
    woken: Vec<usize>,
}

impl Turns {
    /// So many permits.
    pub fn new(free: usize) -> Self {
        Turns {
            free,
            ..Turns::default()
        }
    }

    /// What polling the future of this waiter gives.
    pub fn poll(&mut self, who: usize, permits: usize) -> Poll<Result<(), ()>> {
        if self.closed {
            self.forget_waiter(who);
            return Poll::Ready(Err(()));
        }
        if self.granted.iter().any(|&(granted, _)| granted == who) {
            self.forget_waiter(who);
            return Poll::Ready(Ok(()));
        }
        if self.waiting.iter().any(|&(waiting, _)| waiting == who) {
            return Poll::Pending;
        }
        if self.try_take(permits) {
            return Poll::Ready(Ok(()));
        }
        self.waiting.push((who, permits));
        Poll::Pending
    }

    /// The future of this waiter is dropped.
    pub fn drop_waiter(&mut self, who: usize) {
        let granted = self.granted.iter().find(|(granted, _)| *granted == who);
        let permits = granted.map_or(0, |&(_, permits)| permits);
        self.forget_waiter(who);
        self.give(if self.closed { 0 } else { permits });
    }

    /// Whether so many permits could be taken at once.
    pub fn try_take(&mut self, permits: usize) -> bool {
        let can = !self.closed && permits <= self.free && (self.waiting.is_empty() || permits == 0);
        if can {
            self.free -= permits;
        }
        can
    }

    /// Permits come back.
    pub fn give(&mut self, permits: usize) {
        self.free += permits;
        while let Some(&(who, permits)) = self.waiting.first()
            && permits <= self.free
            && !self.closed
        {
            self.waiting.remove(0);
            self.free -= permits;
            self.granted.push((who, permits));
            self.woken.push(who);
        }
    }

    /// Nobody may go on any more.
    pub fn close(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        self.free += self
            .granted
            .drain(..)
            .map(|(_, permits)| permits)
            .sum::<usize>();
        self.woken
            .extend(self.waiting.drain(..).map(|(who, _)| who));
    }

    /// Permits that nobody has.
    pub fn free(&self) -> usize {
        self.free
    }

    /// Permits that could be taken at once.
    pub fn available(&self) -> usize {
        if self.waiting.is_empty() {
            self.free
        } else {
            0
        }
    }

    /// Takes away up to so many of the permits that could be taken at once.
    pub fn forget(&mut self, permits: usize) -> usize {
        let forgotten = permits.min(self.available());
        self.free -= forgotten;
        forgotten
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// How often this waiter was woken.
    pub fn wakes(&self, who: usize) -> usize {
        self.woken.iter().filter(|&&woken| woken == who).count()
    }

    fn forget_waiter(&mut self, who: usize) {
        self.waiting.retain(|&(waiting, _)| waiting != who);
        self.granted.retain(|&(granted, _)| granted != who);
    }
}
