//! The flags of a server that runs as a service.

use super::seconds;
use crate::cli::generate::Document;
use crate::http::TrustedProxy;
use crate::server::LogFormat;
use clap::{Args, ValueEnum, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

/// The flags for running as a service, as typed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Deployment {
    /// trust what these proxies say about their clients (X-Forwarded-For, X-Forwarded-Proto,
    /// Forwarded); may be given several times, as ADDRESS[/BITS] or unix
    #[arg(long, value_name = "PROXY")]
    pub(in crate::cli) trusted_proxy: Vec<TrustedProxy>,

    /// expect the PROXY protocol, version 1 or 2, from the trusted proxies
    #[arg(long, requires = "trusted_proxy")]
    pub(in crate::cli) proxy_protocol: bool,

    /// append the log to this file, and reopen it on SIGHUP (default: standard error)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) log: Option<PathBuf>,

    /// log as CPython does, or in a machine-readable format
    #[arg(long, value_name = "FORMAT", default_value = "python")]
    pub(in crate::cli) log_format: Format,

    /// the mode of a socket at a path, in octal (default: what the umask leaves)
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub(in crate::cli) socket_mode: Option<u32>,

    /// exit after this long without a connection
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(in crate::cli) exit_idle: Option<Duration>,

    /// print a manual page, completions for a shell or units for systemd, and exit
    #[arg(long, value_name = "KIND")]
    pub(in crate::cli) generate: Option<Document>,
}

/// How to log.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum Format {
    Python,
    Combined,
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Python => Self::Python,
            Format::Combined => Self::Combined,
            Format::Json => Self::Json,
        }
    }
}

/// Permissions in octal.
fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode @ 0..=0o777) => Ok(mode),
        _ => Err("not a mode such as 660".into()),
    }
}
