//! The flags for web pages.

use crate::handlers::{Caching, ExtraField, Origins};
use crate::http::HeaderValue;
use clap::ValueHint;
use std::path::PathBuf;

/// What a page needs.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are on or off")]
pub(super) struct Web {
    /// add this to successful responses, `Name: value` (may be given several times)
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(super) headers: Vec<ExtraField>,

    /// send files of unknown extension as this type (default: application/octet-stream)
    #[arg(long, value_name = "TYPE", value_parser = media_type)]
    pub(super) content_type: Option<String>,

    /// let pages of other origins use what is served (default: all origins)
    #[arg(
        long,
        value_name = "ORIGIN,...",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "*"
    )]
    pub(super) cors: Option<Origins>,

    /// isolate pages, so that wasm may use threads
    #[arg(long)]
    pub(super) isolate: bool,

    /// tell browsers to keep nothing, to ask each time, or to keep files for this long
    #[arg(long, value_name = "no-store|no-cache|SECONDS")]
    pub(super) cache: Option<Caching>,

    /// send /about.html for /about
    #[arg(long)]
    pub(super) clean_urls: bool,

    /// send /index.html for pages that do not exist
    #[arg(long)]
    pub(super) spa: bool,

    /// send this file of the directory with each 404
    #[arg(long, value_name = "PAGE", value_hint = ValueHint::FilePath)]
    pub(super) not_found: Option<String>,

    /// send FILE.br, FILE.zst or FILE.gz for FILE to clients that accept it
    #[arg(long)]
    pub(super) precompressed: bool,

    /// ask for a password from this file (htpasswd -B)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) auth_file: Option<PathBuf>,
}

fn media_type(text: &str) -> Result<String, &'static str> {
    let is_sendable = HeaderValue::new(text).is_some_and(|value| !value.as_bytes().is_empty());
    let why = "not a media type";
    is_sendable.then(|| text.to_owned()).ok_or(why)
}
