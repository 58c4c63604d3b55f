//! Tests of the whole: the program is run, and asked over the network.

// A test fails by panicking; clippy's exemption for tests stops at the functions that are marked
// as such, and most of the code here is in the functions they call.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that meets what it did not expect is to fail at once"
)]

// CPUs of one thread, and what `/proc` says about them.
#[cfg(target_os = "linux")]
mod affinity;
mod architecture;
#[cfg(target_os = "linux")]
mod cgi;
#[cfg(unix)]
mod cli;
mod clients;
#[cfg(unix)]
mod conformance;
#[cfg(unix)]
mod connection;
mod deployment;
// Clients come from other addresses of the loopback interface, which only Linux has ready.
#[cfg(target_os = "linux")]
mod fairness;
mod files;
#[cfg(unix)]
mod hostile;
mod https;
#[cfg(unix)]
mod lessons;
#[cfg(unix)]
mod library;
// These look at the server from outside, as Linux shows a process.
#[cfg(target_os = "linux")]
mod limits;
#[cfg(unix)]
mod listings;
#[cfg(unix)]
mod load;
#[cfg(target_os = "linux")]
mod log;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(unix)]
mod motion;
// The tree has names that other systems forbid, and each request comes from an address of its
// own, which only Linux has ready.
#[cfg(target_os = "linux")]
mod odd_files;
mod parity;
#[cfg(unix)]
mod public_interface;
mod ranges;
mod readme;
#[cfg(unix)]
mod reuse;
mod sandbox;
#[cfg(target_os = "linux")]
mod sharing;
#[cfg(target_os = "linux")]
mod shortage;
// Only Linux lets a port go while connections of it are still served.
#[cfg(target_os = "linux")]
mod shutdown;
#[cfg(unix)]
mod support;
#[cfg(unix)]
mod symlinks;
#[cfg(target_os = "linux")]
mod web;
