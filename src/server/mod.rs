//! Connections: accepting, serving and ending them.

mod access_log;
mod admission;
mod clock;
mod connection;
mod listener;
mod stream;
mod watch;
mod workers;

pub use listener::{Server, ServerHandle};
