//! What commands print and files of the kernel's say.

use std::fs;
use std::process::{Command, Stdio};

/// The first line that a command prints, to either stream.
pub(crate) fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let printed = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    let printed = String::from_utf8_lossy(&printed);
    printed
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .map(str::to_owned)
}

/// The first number after `name` in a file of the kernel's.
pub(crate) fn number_after(file: &str, name: &str) -> Option<u64> {
    let all = fs::read_to_string(file).ok()?;
    let line = all.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().find_map(|word| word.parse().ok())
}

/// The rest of the line that begins with `name`.
pub(crate) fn value_after(file: &str, name: &str) -> Option<String> {
    let all = fs::read_to_string(file).ok()?;
    let line = all.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
}
