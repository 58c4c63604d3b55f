//! The manual of the program: what it does beyond the command line that everybody knows.

/// How rhttp differs from CPython 3.12, and why.
#[doc = include_str!("differences.md")]
pub mod differences {}

/// What a script is told, and what becomes of its output.
#[doc = include_str!("cgi.md")]
pub mod cgi {}

/// What a browser gets for a directory, what a program gets, and who gets CPython's page.
#[doc = include_str!("listings.md")]
pub mod listings {}
/// What web pages under development need, one flag each.
#[doc = include_str!("web.md")]
pub mod web {}
/// A folder as one archive, files from clients, and a server that ends by itself.
#[doc = include_str!("sharing.md")]
pub mod sharing {}

/// From a laptop to servers: sockets, logs, packages, containers, several machines.
#[doc = include_str!("deployment.md")]
pub mod deployment {}

/// What a client can make the server hold or do at most.
#[doc = include_str!("limits.md")]
pub mod limits {}

/// What rhttp promises on an open network, and what it does not.
#[doc = include_str!("security.md")]
pub mod security {}
