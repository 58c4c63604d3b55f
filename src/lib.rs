//! `python -m http.server` in Rust: the program `rhttp`, and the library it is made of.
pub mod cli;
mod config;
mod files;
mod handler;
mod handlers;
pub mod http;
mod server;
mod sys;
mod wire;
pub use config::Config;
pub use handler::{Handler, Log};
pub use handlers::FileHandler;
pub use server::{Server, ServerHandle};
