//! What the program generates about itself: a manual page, completions, units for systemd.
//!
//! The flags come from the definition that parses the command line, so nothing here can go stale.

use super::args::Args;
use anyhow::{Context, Result};
use clap::builder::PossibleValue;
use clap::{Arg, CommandFactory, ValueEnum, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use std::io::{self, Write};

/// What a manual page says besides the flags.
const SECTIONS: &str = include_str!("generate/sections.roff");

/// When the contents of the page last changed.
const DATE: &str = "2026-11-29";

/// How long a line of the manual page's source may be.
const WIDTH: usize = 80;

/// The units: one that serves, and one that listens for it.
const UNITS: [(&str, &str); 2] = [
    ("rhttp.service", include_str!("generate/rhttp.service")),
    ("rhttp.socket", include_str!("generate/rhttp.socket")),
];

/// What can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Document {
    Man,
    CompleteBash,
    CompleteZsh,
    CompleteFish,
    Systemd,
}

/// Prints a document on standard output.
///
/// # Errors
/// It cannot be written. A reader that has seen enough and closes the pipe is not an error.
pub(super) fn print(document: Document) -> Result<()> {
    let bytes = match document {
        Document::Man => manual().context("cannot make the manual page")?,
        Document::CompleteBash => completions(Shell::Bash),
        Document::CompleteZsh => completions(Shell::Zsh),
        Document::CompleteFish => completions(Shell::Fish),
        Document::Systemd => units().into_bytes(),
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

fn manual() -> io::Result<Vec<u8>> {
    let command = Args::command().mut_args(with_values_in_its_help);
    let source = format!("rhttp {}", command.get_version().unwrap_or_default());
    let page = Man::new(command)
        .title("RHTTP")
        .date(DATE)
        .source(source)
        .manual("User Commands");
    let mut roff = Vec::new();
    page.render_title(&mut roff)?;
    page.render_name_section(&mut roff)?;
    page.render_synopsis_section(&mut roff)?;
    page.render_description_section(&mut roff)?;
    page.render_options_section(&mut roff)?;
    let text = String::from_utf8_lossy(&roff);
    let lines = text.lines().map(wrapped).collect::<String>();
    Ok([lines.as_bytes(), SECTIONS.as_bytes()].concat())
}

/// A flag whose help names the values it takes: listed one by one, they would fill a page.
fn with_values_in_its_help(flag: Arg) -> Arg {
    if !flag.get_action().takes_values() {
        return flag;
    }
    let values = flag.get_possible_values();
    let names: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
    match (flag.get_help(), names.is_empty()) {
        (Some(help), false) => {
            let help = format!("{help}: {}", names.join(", "));
            flag.help(help).hide_possible_values(true)
        }
        _ => flag,
    }
}

/// Splits a line of text into lines that `mandoc -T lint` does not find too long. Requests stay as
/// they are.
fn wrapped(line: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in line.split(' ') {
        // A period or an apostrophe at the beginning of a line would make it a request.
        if width > 0
            && width + word.len() >= WIDTH
            && !line.starts_with('.')
            && !word.starts_with(['.', '\''])
        {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
        }
        text.push_str(word);
        width += word.len() + 1;
    }
    text.push('\n');
    text
}

fn completions(shell: Shell) -> Vec<u8> {
    let mut command = Args::command().mut_args(without_files_unless_meant);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "rhttp", &mut script);
    script
}

/// A flag for whose value completion offers no files, unless the value names one.
fn without_files_unless_meant(flag: Arg) -> Arg {
    match flag.get_value_hint() {
        ValueHint::Unknown if flag.get_action().takes_values() => flag.value_hint(ValueHint::Other),
        _ => flag,
    }
}

/// All units after one another, each under its path as in `systemctl cat`.
fn units() -> String {
    let unit = |(name, text): (&str, &str)| format!("# /etc/systemd/system/{name}\n{text}");
    UNITS.map(unit).join("\n")
}
