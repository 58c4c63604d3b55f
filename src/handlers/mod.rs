//! The handlers that ship.

mod cgi;
mod file;
mod negotiation;

pub use cgi::CgiHandler;
pub use file::FileHandler;
