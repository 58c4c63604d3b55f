//! The handlers that come with the crate: files, scripts, and wrappers around handlers, each for
//! one purpose.

mod authentication;
mod cache_control;
mod cgi;
mod cors;
mod extra_headers;
mod fallback;
mod file;
mod isolation;
mod listing;
mod negotiation;
mod not_found_page;
mod offers;
mod passwords;
mod tar;
mod upload;
mod users;

pub use authentication::Authentication;
pub use cache_control::{CacheControl, Caching};
pub use cgi::CgiHandler;
pub use cors::{Cors, Origins};
pub use extra_headers::{ExtraField, ExtraHeaders};
pub use fallback::{CleanUrls, Spa};
pub use file::FileHandler;
pub use isolation::Isolation;
pub use listing::ListingStyle;
pub use not_found_page::NotFoundPage;
pub use passwords::Passwords;
pub use tar::TarHandler;
pub use upload::UploadHandler;
