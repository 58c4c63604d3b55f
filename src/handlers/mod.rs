//! The handlers that ship.

mod cgi;
mod file;

pub use cgi::CgiHandler;
pub use file::FileHandler;
