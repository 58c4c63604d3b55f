//! What was typed, and what it means.

mod deployment;
mod https;
mod sharing;

use super::web::Web;
use crate::config::Config;
use crate::files::Symlinks;
use crate::handlers::ListingStyle;
use crate::http::Version;
use clap::{ArgAction, CommandFactory, Parser, ValueEnum, ValueHint};
pub(super) use deployment::Deployment;
pub(super) use https::Https;
pub(super) use sharing::Sharing;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process;
use std::time::Duration;

/// The longest time that a flag may specify: thirty years.
const MAX_SECONDS: f64 = 1e9;

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "rhttp",
    version,
    about = "Serve a directory over HTTP, as `python -m http.server` does.",
    infer_long_args = true,
    args_override_self = true,
    disable_help_flag = true,
    override_usage = "rhttp [-h] [--cgi] [-b ADDRESS] [-d DIRECTORY] [-p VERSION] \
        [OPTIONS] [port]"
)]
// Aliases keep the abbreviations that CPython 3.12 accepts for its flags, whatever other flags
// begin alike.
pub(super) struct Args {
    /// show this and exit
    #[arg(short, long, action = ArgAction::Help, aliases = ["h", "he", "hel"])]
    help: Option<bool>,

    /// run the scripts in /cgi-bin and /htbin
    #[arg(long, aliases = ["c", "cg"])]
    pub(super) cgi: bool,

    /// bind to this address, or to a path as unix:PATH; given several times, to each (default: all
    /// interfaces)
    #[arg(short, long, value_name = "ADDRESS", value_parser = place, value_hint = ValueHint::Hostname, aliases = ["b", "bi", "bin"])]
    pub(super) bind: Vec<Place>,

    /// serve this directory, or this one file (default: current directory)
    #[arg(short, long, value_name = "DIRECTORY", value_hint = ValueHint::AnyPath, aliases = ["d", "di", "dir", "dire", "direc",
        "direct", "directo", "director"])]
    pub(super) directory: Option<PathBuf>,

    /// conform to this HTTP version
    #[arg(short, long, value_name = "VERSION", default_value = "HTTP/1.0", aliases = ["p", "pr",
        "pro", "prot", "proto", "protoc", "protoco"])]
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

    /// let the kernel confine the process to the files that it needs (Linux)
    #[arg(long)]
    pub(super) sandbox: bool,

    /// list directories as each client prefers (a page for browsers, JSON for programs that ask for
    /// it, CPython's page for others), as CPython does, or not at all
    #[arg(long, value_name = "STYLE", default_value = "auto")]
    pub(super) listing: Style,

    #[command(flatten)]
    pub(super) sharing: Sharing,

    #[command(flatten)]
    pub(super) web: Web,

    #[command(flatten)]
    pub(super) https: Https,

    #[command(flatten)]
    pub(super) deployment: Deployment,

    /// bind to this port (default: 8000)
    #[arg(value_name = "port")]
    pub(super) port: Option<u16>,
}

/// Where to listen.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// On all interfaces.
    Everywhere,
    /// An address, or a host's name.
    Host(String),
    /// A path in the file system.
    Path(PathBuf),
}

/// The versions that the server can speak.
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

/// How directories are listed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Style {
    Auto,
    Classic,
    Off,
}

impl From<Style> for ListingStyle {
    fn from(style: Style) -> Self {
        match style {
            Style::Auto => ListingStyle::Auto,
            Style::Classic => ListingStyle::Classic,
            Style::Off => ListingStyle::Off,
        }
    }
}

impl Args {
    /// The configuration that the flags ask for; what is not set keeps the library's default.
    pub(super) fn config(&self) -> Config {
        let usual = Config::default();
        // One number for everything for which a client can keep the server waiting.
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
            exit_idle: self.deployment.exit_idle,
            trusted_proxies: self.deployment.trusted_proxy.clone(),
            proxy_protocol: self.deployment.proxy_protocol,
            ends_after_delivery: self.sharing.once,
            ..usual
        }
    }
}

/// Where to listen; a value with a slash in it can only be a path.
fn place(text: &str) -> Result<Place, String> {
    Ok(match text.strip_prefix("unix:") {
        Some("") => return Err("no path".into()),
        Some(path) => Place::Path(path.into()),
        None if text.contains('/') => Place::Path(text.into()),
        None => Place::Host(text.into()),
    })
}

/// A time in seconds, fractions allowed.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0.0) => Ok(Duration::ZERO),
        Ok(seconds @ 0.0..=MAX_SECONDS) => match Duration::from_secs_f64(seconds) {
            // Zero means for ever, the opposite of what the user asked for.
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

/// Reads the command line; an invalid one ends the process, with the usage and the reason.
pub(super) fn parse() -> Args {
    Args::try_parse().unwrap_or_else(|error| {
        // clap shows no usage for an invalid value, argparse does.
        if error.use_stderr() && !error.to_string().contains("Usage:") {
            let _ = writeln!(io::stderr(), "{}", Args::command().render_usage());
        }
        error.exit()
    })
}

/// Ends the process because of flags that conflict, as argparse's `error` does.
pub(super) fn wrong(why: &str) -> ! {
    let usage = Args::command().render_usage();
    // If it cannot be written, the status has to suffice.
    let _ = writeln!(io::stderr(), "{usage}\nrhttp: error: {why}");
    process::exit(2);
}
