//! What was typed, and what it means.

mod sharing;

use crate::config::Config;
use crate::files::Symlinks;
use crate::http::Version;
use clap::{CommandFactory, Parser, ValueEnum};
pub(super) use sharing::Sharing;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// The longest time that a flag may name: thirty years.
const MAX_SECONDS: f64 = 1e9;

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "rhttp",
    version,
    about = "Serve a directory over HTTP, as `python -m http.server` does.",
    infer_long_args = true,
    args_override_self = true,
    override_usage = "rhttp [-h] [--cgi] [-b ADDRESS] [-d DIRECTORY] [-p VERSION] \
        [--timeout SECONDS] [--max-connections N] [--grace SECONDS] [port]"
)]
pub(super) struct Args {
    /// run the scripts in /cgi-bin and /htbin
    #[arg(long)]
    pub(super) cgi: bool,

    /// bind to this address (default: all interfaces)
    #[arg(short, long, value_name = "ADDRESS")]
    pub(super) bind: Option<String>,

    /// serve this directory, or this one file (default: current directory)
    #[arg(short, long, value_name = "DIRECTORY")]
    pub(super) directory: Option<PathBuf>,

    /// conform to this HTTP version
    #[arg(short, long, value_name = "VERSION", default_value = "HTTP/1.0")]
    pub(super) protocol: Protocol,

    /// close connections that make no progress for this long, 0 for never (default: 30 for the
    /// head of a request, 60 between requests and while sending)
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) timeout: Option<Duration>,

    /// serve this many connections at a time (default: 8192, or what the descriptor limit allows)
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(super) max_connections: Option<usize>,

    /// on SIGTERM, let responses in progress take this long (default: 10)
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) grace: Option<Duration>,

    /// where symbolic links may lead: anywhere, inside the directory, or nowhere
    #[arg(long, value_name = "WHERE", default_value = "follow")]
    pub(super) symlinks: Links,

    /// let the kernel confine the process to reading the directory (Linux)
    #[arg(long)]
    pub(super) sandbox: bool,

    #[command(flatten)]
    pub(super) sharing: Sharing,

    /// bind to this port
    #[arg(value_name = "port", default_value_t = 8000)]
    pub(super) port: u16,
}

/// The versions that can be spoken.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Protocol {
    #[value(name = "HTTP/1.0")]
    Http10,
    #[value(name = "HTTP/1.1")]
    Http11,
}

impl From<Protocol> for Version {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http10 => Version::HTTP_10,
            Protocol::Http11 => Version::HTTP_11,
        }
    }
}

/// Where symbolic links may lead.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Links {
    Follow,
    Inside,
    Never,
}

impl From<Links> for Symlinks {
    fn from(links: Links) -> Self {
        match links {
            Links::Follow => Symlinks::Follow,
            Links::Inside => Symlinks::Inside,
            Links::Never => Symlinks::Never,
        }
    }
}

impl Args {
    /// What the flags mean; what is not set stays as it is in the library.
    pub(super) fn config(&self) -> Config {
        let usual = Config::default();
        // One number for all that a client can keep the server waiting with.
        let timeout = |usual| {
            self.timeout
                .map_or(usual, |limit| (!limit.is_zero()).then_some(limit))
        };
        Config {
            protocol: self.protocol.into(),
            head_timeout: timeout(usual.head_timeout),
            idle_timeout: timeout(usual.idle_timeout),
            stall_timeout: timeout(usual.stall_timeout),
            max_connections: self.max_connections.unwrap_or(usual.max_connections),
            grace: self.grace.unwrap_or(usual.grace),
            ends_after_delivery: self.sharing.once,
            ..usual
        }
    }
}

/// A time in seconds, fractions allowed.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0.0) => Ok(Duration::ZERO),
        Ok(seconds @ 0.0..=MAX_SECONDS) => match Duration::from_secs_f64(seconds) {
            // Zero means for ever, which is the opposite of what was asked for.
            Duration::ZERO => Err("shorter than a nanosecond".into()),
            limit => Ok(limit),
        },
        _ => Err("not a number of seconds".into()),
    }
}

/// A number of connections.
fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err("not a number of connections".into()),
    }
}

/// Reads the command line; a wrong one ends the process, with the usage and the reason.
pub(super) fn parse() -> Args {
    Args::try_parse().unwrap_or_else(|error| {
        // clap shows no usage with a wrong value, argparse does.
        if error.use_stderr() && !error.to_string().contains("Usage:") {
            let _ = writeln!(io::stderr(), "{}", Args::command().render_usage());
        }
        error.exit()
    })
}
