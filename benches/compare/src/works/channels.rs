//! Messages from one task to another, through a channel with a bound.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hint::black_box;

use crate::meter::Meter;
use crate::sample::Sample;

macro_rules! channels {
    ($($module:ident = $($peer:ident)::+;)+) => {
        $(pub mod $module {
            use crate::meter::Meter;
            pub use crate::peers::$($peer)::+::NAME;
            use crate::peers::$($peer)::+::*;
            use crate::sample::Sample;

            fn through(room: usize, messages: u64) -> Sample {
                run(async move {
                    let (sender, mut receiver) = channel(room);
                    let meter = Meter::start();
                    let task = spawn(async move {
                        for message in 0..messages {
                            send(&sender, message).await;
                        }
                    });
                    let mut sum = 0;
                    for _ in 0..messages {
                        sum += receive(&mut receiver).await;
                    }
                    assert_eq!(sum, messages * (messages - 1) / 2);
                    drop(task);
                    meter.end(messages)
                })
            }

            pub fn room_128(units: u64) -> Sample {
                through(128, units)
            }

            pub fn room_1(units: u64) -> Sample {
                through(1, units)
            }
        })+
    };
}

channels! {
    io2 = io2;
    io2_with_tokio_channel = io2::with_tokio_channel;
    io2_with_local_sync = io2::with_local_sync;
    io2_with_async_channel = io2::with_async_channel;
    tokio = tokio;
    tokio_uring = tokio_uring;
    monoio = monoio;
    glommio = glommio;
    compio = compio;
    smol = smol;
    kimojio = kimojio;
}

/// No channel, and no tasks: pushes to a queue and pops from it, the least that a channel can do.
pub mod raw {
    use super::*;
    pub use crate::peers::raw::NAME;

    fn through(room: usize, messages: u64) -> Sample {
        let queue = RefCell::new(VecDeque::with_capacity(room));
        let meter = Meter::start();
        let (mut sent, mut sum) = (0, 0);
        while sent < messages {
            while sent < messages && queue.borrow().len() < room {
                black_box(&queue).borrow_mut().push_back(sent);
                sent += 1;
            }
            while let Some(message) = pop(black_box(&queue)) {
                sum += message;
            }
        }
        assert_eq!(sum, messages * (messages - 1) / 2);
        meter.end(messages)
    }

    fn pop(queue: &RefCell<VecDeque<u64>>) -> Option<u64> {
        queue.borrow_mut().pop_front()
    }

    pub fn room_128(units: u64) -> Sample {
        through(128, units)
    }

    pub fn room_1(units: u64) -> Sample {
        through(1, units)
    }
}
