//! The handlers that ship.

mod cgi;
mod file;
mod tar;
mod upload;

pub use cgi::CgiHandler;
pub use file::FileHandler;
pub use tar::TarHandler;
pub use upload::UploadHandler;
