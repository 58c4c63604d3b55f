//! The handlers that ship.

mod cgi;
mod file;
mod listing;

pub use cgi::CgiHandler;
pub use file::FileHandler;
pub use listing::ListingStyle;
