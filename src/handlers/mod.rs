//! The handlers that ship.

mod file;

pub use file::FileHandler;
