//! (being written)
mod timers;
