//! The handlers that ship.

mod cgi;
mod file;
mod tar;

pub use cgi::CgiHandler;
pub use file::FileHandler;
pub use tar::TarHandler;
