//! Scripts (contract, section 5): what CPython 3.12 does with `--cgi`, and what it does not do.

mod answers;
mod endings;
mod fixture;
mod isolation;
mod lifetimes;
mod parity;
mod programs;
#[cfg(target_os = "linux")]
mod starter;
mod streaming;
