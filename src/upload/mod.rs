//! What clients send to be kept: under which names, and by way of which temporary file.
//!
//! A form's parts are taken apart by [`multipart`]; the crates for that are no longer kept, or take
//! no blocking reader.

mod incoming;
mod multipart;
mod name;

pub(crate) use incoming::Incoming;
pub(crate) use multipart::{Multipart, boundary};
pub(crate) use name::{check_name, numbered};
