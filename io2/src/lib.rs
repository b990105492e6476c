//! io2: see the README.

pub mod buf;
mod clock;
mod config;
mod driver;
mod error;
mod executor;
mod fd;
pub mod fs;
pub mod observe;
pub mod op;
mod slab;
mod spawn;
mod sys;
mod task;
pub mod time;
mod trace;
