//! What there is to know about a server before it is started, and where it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::certificate::Certificate;
use crate::installed::number_in;
use crate::workload::Mode;

pub(crate) const OURS: &str = "rhttp";
/// What only does what a server of this shape cannot do without.
pub(crate) const LIMIT: &str = "limit";
/// `cp`, beside what takes a file. What answers there is the bare ceiling.
pub(crate) const COPY: &str = "cp";
pub(crate) const COPY_AND_SYNC: &str = "cp-sync";

#[allow(
    clippy::struct_excessive_bools,
    reason = "a server can do a thing or cannot"
)]
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) find: fn() -> Option<PathBuf>,
    pub(crate) version: fn(&Path) -> Option<String>,
    /// The configuration file that `arguments` can name, as `configuration(site)`.
    pub(crate) configuration: fn(&Site<'_>) -> String,
    pub(crate) arguments: fn(&mut Command, &Site<'_>),
    /// Asks for a listing that a program can read, where the usual one hides
    /// the names in a script's data.
    pub(crate) listing_query: &'static str,
    /// Asks for a listing in JSON, where `Accept` does not.
    pub(crate) json_query: &'static str,
    /// Asks for a directory as a tar.
    pub(crate) archive_query: Option<&'static str>,
    /// Takes files by PUT.
    pub(crate) uploads: bool,
    pub(crate) cgi: bool,
    pub(crate) tls: bool,
    /// Its own children's time is lost when it does not wait for them.
    pub(crate) hides_cpu: bool,
}

/// A server about which there is nothing in particular to know.
pub(crate) const PLAIN: Recipe = Recipe {
    name: "",
    find: || None,
    version: |program| number_in(Command::new(program).arg("--version")),
    configuration: |_| String::new(),
    arguments: |_, _| (),
    listing_query: "",
    json_query: "",
    archive_query: None,
    uploads: false,
    cgi: false,
    tls: false,
    hides_cpu: false,
};

/// Where and how a server is to be started.
pub(crate) struct Site<'a> {
    pub(crate) tree: &'a Path,
    pub(crate) certificate: &'a Certificate,
    /// A directory of its own, for its configuration and logs.
    pub(crate) place: &'a Path,
    pub(crate) port: u16,
    pub(crate) mode: Mode,
}

impl Site<'_> {
    pub(crate) fn configuration(&self) -> PathBuf {
        self.place.join("server.conf")
    }
}
