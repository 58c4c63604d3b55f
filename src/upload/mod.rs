//! Storing what clients send: under which names, and through which temporary file.
//!
//! [`multipart`] parses the parts of a form; the crates for that are no longer maintained, or do
//! not take a blocking reader.

mod incoming;
mod multipart;
mod name;

pub(crate) use incoming::Incoming;
pub(crate) use multipart::{Multipart, boundary};
pub(crate) use name::{check_name, numbered};
