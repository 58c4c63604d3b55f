//! A CPython 3.12 of this machine, if it has one.

use crate::support::{Running, Tree, say_not_run};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the script prints if the interpreter is CPython 3.12.
const VERSION: &str = "import sys; print(sys.implementation.name, *sys.version_info[:2])";

/// Names a reference that is not where it is looked for.
const VARIABLE: &str = "RHTTP_REFERENCE_PYTHON";

/// A CPython 3.12 interpreter.
pub(crate) struct Python(OsString);

/// Looks for the reference; says so where none is found, so that nobody takes a test that did
/// nothing for one that passed.
pub(crate) fn reference_python() -> Option<Python> {
    if let Some(chosen) = env::var_os(VARIABLE) {
        assert!(
            is_reference(&chosen),
            "{VARIABLE} is no CPython 3.12: {}",
            chosen.display()
        );
        return Some(Python(chosen));
    }
    let found = candidates()
        .into_iter()
        .find(|candidate| is_reference(candidate));
    if found.is_none() {
        say_not_run(&format!(
            "a comparison with the live reference, for no CPython 3.12 was found ({VARIABLE} can \
             name one)"
        ));
    }
    found.map(Python)
}

fn candidates() -> Vec<OsString> {
    let mut candidates = vec![OsString::from("python3.12")];
    if let Some(home) = env::home_dir() {
        candidates.extend(installed_below(&home.join(".pyenv/versions")));
    }
    candidates.push(OsString::from("python3"));
    candidates
}

/// The interpreters that pyenv installed.
fn installed_below(versions: &Path) -> Vec<OsString> {
    let Ok(entries) = versions.read_dir() else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"3.12"))
        .map(|entry| entry.path().join("bin/python3"))
        .collect();
    found.sort();
    found.into_iter().map(PathBuf::into_os_string).collect()
}

fn is_reference(program: &OsStr) -> bool {
    let output = Command::new(program).args(["-I", "-c", VERSION]).output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"cpython 3 12")
}

impl Python {
    /// Starts CPython's server as the rows were recorded with it.
    pub(super) fn serve(&self, tree: &Tree, protocol: &str) -> Running {
        Running::start(self.command(tree, protocol))
    }

    /// What starts it; further arguments may follow.
    pub(crate) fn command(&self, tree: &Tree, protocol: &str) -> Command {
        let wrapper = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/reference.py");
        let mut command = Command::new(&self.0);
        command.args(["-I", "-u", "-X", "utf8"]).arg(wrapper);
        command.args([
            "0",
            "--bind",
            "127.0.0.1",
            "--protocol",
            protocol,
            "--directory",
        ]);
        command.arg(tree.path());
        command
    }
}
