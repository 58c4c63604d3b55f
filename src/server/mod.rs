//! Connections: accepting, serving and ending them.

mod access_log;
mod admission;
mod affinity;
mod buffers;
mod capacity;
mod channel;
mod clock;
mod connection;
mod context;
mod heads;
mod http_server;
mod idle;
mod line_sink;
mod listener;
mod log_line;
mod memory;
mod places;
mod record;
mod ticket;
mod transport;
mod watch;
mod workers;

pub use http_server::{Server, ServerHandle};
pub use listener::Listener;
pub use record::LogFormat;
