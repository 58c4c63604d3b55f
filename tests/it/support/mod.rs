//! What tests need to run a server and to talk to it.
//!
//! [`Tree`] is a directory to serve, [`Running`] a server, [`exchange`] one connection from its
//! first byte to its last, and [`Response`] what came back, taken apart.

#![allow(
    dead_code,
    unused_imports,
    reason = "each module of tests takes from here what it needs, and not every build has them all"
)]

mod exchange;
mod mask;
mod proxy;
mod response;
mod running;
mod secure;
mod tree;
pub(crate) mod webdriver;

pub(crate) use exchange::{AfterSending, Answer, Connection, Ending, Target, exchange, get};
pub(crate) use mask::{mask_log, mask_response, mask_validators};
pub(crate) use proxy::{Proxy, free_address};
pub(crate) use response::Response;
pub(crate) use running::Running;
pub(crate) use secure::{anybody, client_config, secure};
pub(crate) use tree::{Kind, Tree};

use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up: far longer than it takes on a busy machine,
/// so that only what hangs is ever stopped by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that no event announces.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what} does not happen");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Says that a test was not run, and why: straight to standard error, because the test runner
/// keeps to itself what a passing test prints. Where all must run, as in the gate, it fails.
pub(crate) fn not_run(why: &str) {
    let must_run = std::env::var_os("RHTTP_TESTS_MUST_RUN").is_some();
    assert!(
        !must_run,
        "NOT RUN, though RHTTP_TESTS_MUST_RUN is set: {why}"
    );
    say_not_run(why);
}

/// The same for what no package provides, so that the gate cannot ask for it.
pub(crate) fn say_not_run(why: &str) {
    let _ = writeln!(io::stderr(), "NOT RUN: {why}");
}

/// A program on the path, or where daemons are, which an ordinary user's path may lack.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

/// Asserts that each of these differences from CPython has its line in the manual's table.
pub(crate) fn assert_in_manual<'d>(differences: impl Iterator<Item = &'d str>) {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manual/differences.md");
    let table = fs::read_to_string(table).expect("the table can be read");
    let missing: BTreeSet<_> = differences
        .filter(|difference| !table.contains(&format!("\n| `{difference}` |")))
        .collect();
    assert!(
        missing.is_empty(),
        "the table of differences in the manual lacks {missing:?}"
    );
}

/// Bytes that a JSON file spells as Latin-1, one character for each.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub(crate) struct Latin1(pub(crate) Vec<u8>);

impl TryFrom<String> for Latin1 {
    type Error = std::char::TryFromCharError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.chars()
            .map(u8::try_from)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Shows bytes as a person can read them: text as text, all else escaped.
pub(crate) struct Readable<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Readable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() || character == '\\' {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    f.write_char(character)?;
                }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        Ok(())
    }
}
