//! Where programs are found, and which version they are.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use crate::facts;

/// Cargo builds ours before the benchmark; another can be put in its place.
pub(crate) fn rhttp_binary() -> Option<PathBuf> {
    let given = env::var_os("RHTTP_BIN").map(PathBuf::from);
    given
        .or(option_env!("CARGO_BIN_EXE_rhttp").map(PathBuf::from))
        .filter(|path| path.is_file())
}

/// On PATH, where daemons are kept, or where cargo installs.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let cargo = env::home_dir().map(|home| home.join(".cargo/bin"));
    env::split_paths(&path)
        .chain(daemons)
        .chain(cargo)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

/// CPython 3.12 if it is installed, or else any python3; its version is in the
/// report. Asked for its own path: a wrapper script would be measured.
pub(crate) fn python() -> Option<PathBuf> {
    let own = |program: PathBuf| {
        let mut command = Command::new(program);
        let path = facts::first_line(
            command.args(["-c", "import http.server, sys; print(sys.executable)"]),
        )?;
        Some(PathBuf::from(path)).filter(|path| path.is_file())
    };
    let managed = env::home_dir().and_then(|home| {
        let mut versions: Vec<PathBuf> = fs::read_dir(home.join(".pyenv/versions"))
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.file_name()
                    .is_some_and(|n| n.to_string_lossy().starts_with("3.12"))
            })
            .collect();
        versions.sort();
        Some(versions.pop()?.join("bin/python3"))
    });
    let named = |name| program(name).and_then(own);
    named("python3.12")
        .or_else(|| own(managed?))
        .or_else(|| named("python3"))
}

/// The version number in the first line that a command prints, however dressed.
pub(crate) fn number_in(command: &mut Command) -> Option<String> {
    let line = facts::first_line(command)?;
    let words = line
        .split([' ', '/', ','])
        .map(|word| word.trim_start_matches('v'));
    let mut numbers = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    numbers.next().map(str::to_owned)
}
