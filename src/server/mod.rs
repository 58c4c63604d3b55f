//! Connections: accepting, serving and ending them.

mod access_log;
mod admission;
mod clock;
mod connection;
mod listener;
mod stream;
mod watch;

pub use listener::{Server, ServerHandle};
