//! Connections: accepting, serving and ending them.

mod access_log;
mod admission;
mod buffers;
mod clock;
mod connection;
mod line_sink;
mod listener;
mod stream;
mod watch;
mod workers;

pub use listener::{Server, ServerHandle};
