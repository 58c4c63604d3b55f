//! Connections: accepting, serving and ending them.

mod access_log;
mod admission;
mod buffers;
mod channel;
mod clock;
mod connection;
mod http_server;
mod line_sink;
mod listener;
mod transport;
mod watch;
mod workers;

pub use http_server::{Server, ServerHandle};
pub use listener::Listener;
