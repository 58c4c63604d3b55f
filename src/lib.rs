//! `python -m http.server` in Rust: the program `rhttp`, and the library it is made of.

mod config;
mod files;
pub mod http;
mod wire;

pub use config::Config;
