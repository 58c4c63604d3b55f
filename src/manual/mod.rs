//! The manual of the program: what it does beyond the familiar command line.

/// How rhttp differs from CPython 3.12, and why.
#[doc = include_str!("differences.md")]
pub mod differences {}

/// What a script is told, and how its output becomes a response.
#[doc = include_str!("cgi.md")]
pub mod cgi {}

/// What browsers get for a directory, what programs get, and which clients get CPython's page.
#[doc = include_str!("listings.md")]
pub mod listings {}
/// What web pages need during development, one flag each.
#[doc = include_str!("web.md")]
pub mod web {}
/// A directory as one archive, uploads from clients, and a server that stops by itself.
#[doc = include_str!("sharing.md")]
pub mod sharing {}

/// From a laptop to servers: sockets, logs, packages, containers, several machines.
#[doc = include_str!("deployment.md")]
pub mod deployment {}

/// The most that a client can make the server hold or do.
#[doc = include_str!("limits.md")]
pub mod limits {}

/// What rhttp promises on an open network, and what it does not.
#[doc = include_str!("security.md")]
pub mod security {}
